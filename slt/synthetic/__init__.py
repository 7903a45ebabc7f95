"""The rendered signer: its sentences, motion and look, and corpora of it."""
