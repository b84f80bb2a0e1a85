"""The rolling upgrade from the last release to this source and back, under readers.

- `run`: starts the processes of both and replaces them one after the other.
- `account`: what the readers received, and the promises about it.
"""
