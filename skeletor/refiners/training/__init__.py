"""The unsupervised training of the refiners."""
