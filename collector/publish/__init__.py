"""Events on their way to Redis: queue, writer, sender."""
