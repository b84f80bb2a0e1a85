"""Take the pictures in docs/."""
