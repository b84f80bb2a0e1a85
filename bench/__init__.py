"""Benchmarks: real processes on this machine, over loopback.

`python -m bench` runs the suites of the `catalogue` and compares their rows with the goals. `suite`
defines a suite, `suites/` has a module for each, `load/` makes the load, `peers/` has the programs
to compare with, and `report/` makes rows, table and pictures. `bench/README.md` has the figures,
each with its command.
"""
