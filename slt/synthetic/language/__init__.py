"""The sentences: German weather forecasts with glosses."""
