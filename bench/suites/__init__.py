"""The suites of `bench.catalogue`: a module with a `measure` function for each."""
