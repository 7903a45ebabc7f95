"""Several readers of glosses together, as systems of their own."""
