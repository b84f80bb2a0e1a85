"""Who publishes.

- `lease`: acquires and renews the lease of a shard, and has the publisher lead or follow.
- `overlap`: leaders of shards of another count, which share symbols with this one.
"""
