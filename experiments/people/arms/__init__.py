"""What inverse kinematics believes of arms, fitted to captured people and judged on captured signing."""
