"""Redis to HTTP and SSE: stateless, so any number of replicas serve the same books.

In the order that data flows: `store` reads books from Redis, `directory` knows which symbols there
are; `tail` follows the streams that somebody reads into one `ring` a symbol; `join` says where in a
ring a reader begins, `stream` carries its frames to its socket. `books` answers single requests,
`ops` and `page` the rest; `app` puts the routes together, `__main__` wires.
"""
