"""Speed of every stage beside a peer, measured in the same run: `make bench`."""
