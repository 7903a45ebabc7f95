"""The chain over a whole corpus: corpus, poses, lift, refine, train, decode, score."""
