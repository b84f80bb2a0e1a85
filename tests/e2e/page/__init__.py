"""The page in a real browser, which the files of this package share.

tests/workers.py runs them in few workers.
"""
