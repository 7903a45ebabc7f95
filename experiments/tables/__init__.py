"""Tables: repair of poses (1 to 7), lifters, 2D refiners, text from glosses and from pixels, public benchmarks."""
