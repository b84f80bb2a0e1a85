"""What makes load, prepared before the clock starts, and what watches the services under it.

`tape` is a feed of prepared frames, `flood` one as fast as its reader (`flood_process` starts it,
`kraken_v1` is its second protocol). `market_events` are prepared events, `publishers` and
`exchange_writer` write them to Redis, `redis_load` at a pace. `http_load` asks for answers,
`idle_readers` open streams. `live_collector` starts a collector, `watched_service` a service whose
loop `loop_watch` watches, `cores` pins processes.
"""
