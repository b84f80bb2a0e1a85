"""Reports of the collector for operators.

- `reporter`: writes the field of this shard in `kraken:feed`, and removes unused keys.
- `readiness`: tells whether this collector could lead.
- `ops`: the HTTP endpoints /healthz, /readyz and /metrics.
"""
