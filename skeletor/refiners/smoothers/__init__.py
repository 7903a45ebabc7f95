"""The refiners without training: what all share, with linear and Savitzky-Golay (`smooth`), simpler ones, Kalman's."""
