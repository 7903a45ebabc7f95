"""What `slt shards` and `slt serve` bear: many at once, deaths, full disks, and what the engines cost."""
