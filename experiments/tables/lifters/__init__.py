"""All lifters side by side, on motion with known 3D and on public benchmarks."""
