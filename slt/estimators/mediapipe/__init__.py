"""MediaPipe Holistic, the embedded default: its graph in parts, its models, the tracker and the estimator."""
