"""Load and a fault every second, for minutes."""
