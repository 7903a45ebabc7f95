"""What a corpus of a given size takes: rates measured here, and a plan of a million shards."""
