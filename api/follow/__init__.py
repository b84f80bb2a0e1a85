"""Follow the streams of Redis, and keep their newest events in rings."""
