"""What is fast, and how fast: benchmarks that run real processes on this machine, over loopback.

Each is a program (`python -m bench.fan_out`), bounded in time, and prints what it measured. Those
in the `catalogue` are run together by `python -m bench`: each is a `benchmark` that yields `rows`,
held against the `goals`; of all of them a `report` makes a table, and `figures` pictures.
`bench/README.md` has the figures, each with its command. A `tape` is a feed whose frames were made
before the clock starts, so that the collector is measured and not the simulator.

For the api: `market_events` are made beforehand too, and `publishers` write them; `servers` starts
the api and its `peers`, `side_by_side` lets them take turns before a `sse_crowd`, whose
`sse_readers` are in processes of their own (`crowd_process`); `bare_path` is the limit.
"""
