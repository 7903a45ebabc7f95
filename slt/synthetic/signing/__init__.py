"""The motion of the signer: from glosses to 50 joints in metres."""
