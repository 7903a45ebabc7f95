"""The rendered signer: what it says, how it moves and looks, and corpora of it."""
