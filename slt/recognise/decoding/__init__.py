"""From what a recogniser gives for every frame to glosses, and to where each is signed."""
