"""What is fast, and how fast: benchmarks that run real processes on this machine, over loopback.

Each is a program (`python -m bench.whole_exchange`), bounded in time, and prints what it measured.
`bench/README.md` has the figures, each with its command. A `tape` is a feed whose frames were made
before the clock starts, so that the collector is measured and not the simulator.
"""
