"""Who leads: the lease, and leaders of overlapping shards."""
