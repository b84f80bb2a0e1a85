"""What is measured: one module for each suite of `bench.catalogue`, with a `measure` function."""
