"""Binance spot: the streams `<symbol>@depth@100ms`, joined with a snapshot by REST.

`protocol` decodes the frames of a connection; `pairs` decodes the list of pairs and snapshots;
`venue` has what the rest must know. docs/venues.md has the sources.
"""
