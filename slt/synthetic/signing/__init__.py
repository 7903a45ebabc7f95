"""How the signer moves: from glosses to 50 joints in metres."""
