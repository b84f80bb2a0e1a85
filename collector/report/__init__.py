"""Reports of the collector for operators.

- `reporter`: writes the field of this shard in `kraken:feed`, and removes unused keys.
- `ops`: the HTTP endpoints /healthz and /metrics.
"""
