"""The refiner that comes with the package, trained on real people."""
