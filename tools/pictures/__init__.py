"""The pictures in docs/."""
