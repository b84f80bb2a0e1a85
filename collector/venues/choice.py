"""The venues by name."""
