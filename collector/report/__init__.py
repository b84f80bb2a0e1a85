"""What the collector says of itself: kraken:feed, /healthz, troubles."""
