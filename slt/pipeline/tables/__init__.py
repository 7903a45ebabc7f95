"""What a run reports: scores, gains, accuracy, and what papers print."""
