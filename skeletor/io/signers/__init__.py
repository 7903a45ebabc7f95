"""Files in which there are several people: who of them signs, and who may change."""
