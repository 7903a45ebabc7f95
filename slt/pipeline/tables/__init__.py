"""The tables that a run reports: scores, gains, accuracy, and published scores."""
