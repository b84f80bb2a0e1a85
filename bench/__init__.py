"""Benchmarks: real processes on this machine, over loopback.

`python -m bench` runs the suites of the `catalogue` and holds their rows against the goals.
`suite` says what a suite is, `suites/` has one module for each, `load/` makes the load, `peers/` is
what ours is measured beside, `report/` makes rows, table and pictures. `bench/README.md` has the
figures, each with its command.
"""
