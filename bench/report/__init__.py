"""What a run found: `rows`, their `goals`, the `table`, the pictures (`figures`), the `machine`.

`progress` shows how far a run is.
"""
