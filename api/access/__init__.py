"""Access control: keys, tokens and tickets, and the callers of the api.

In the order of a request: `gate` refuses it, or sets its `caller` by the `permission` that the
`authenticator` finds for its key (`key_file`), token (`tokens`, with the keys of `token_key_file`
or `remote_keys`) or ticket (`tickets`). `watched_file` reads files again when they change. `start`
builds these from the settings, of which `jwt_source` is one.

In Redis, `tickets` writes keys `kraken-book:ticket:*`, and the limits `kraken-book:limits:*`.
"""
