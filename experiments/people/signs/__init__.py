"""Single signs of real people: what is read of a clip, by which reader, and who is trained on and tested."""
