"""What the collector tells people about itself.

- `reporter`: the field of this shard in `kraken:feed`, and the removal of leftovers.
- `ops`: the HTTP endpoints /healthz and /metrics.
"""
