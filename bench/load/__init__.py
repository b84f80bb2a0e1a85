"""Load that is prepared before the clock starts, and the processes that are measured under it.

`tape` plays prepared frames at their times, `flood` as fast as its reader takes them;
`flood_process` starts it, and `kraken_v1` is its second protocol. `market_events` prepares events.
`publishers` and `exchange_writer` write them to Redis, `redis_load` at a given pace. `http_load`
sends requests, `idle_readers` opens streams. `live_collector` starts a collector, `watched_service`
a service whose loop `loop_watch` watches. `cores` pins processes.
"""
