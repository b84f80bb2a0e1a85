"""The lease, which permits one collector to publish a shard.

- `lease`: acquires and renews the lease of a shard, and has the publisher lead or follow.
- `venue_list`: adds the venue to the list by which readers find it.
- `overlap`: leaders of overlapping shards, which share symbols with this one.
- `newer_contract`: leaders of a newer release, beside which this collector does not lead.
"""
