"""The results of a run: `rows`, their `goals`, the `table`, the `figures` and the `machine`.

`progress` shows the progress of a run.
"""
