"""What the collector tells people about itself.

- `troubles`: troubles with Redis, each logged once.
- `reporter`: the field of this shard in `kraken:feed`, and the removal of leftovers.
- `ops`: the HTTP endpoints /healthz and /metrics.
"""
