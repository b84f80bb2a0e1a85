"""Redis to HTTP and SSE: stateless, so any number of replicas serve the same books.

In the order that data flows: `store` reads books from Redis, `directory` knows which symbols there
are; `tail` follows the streams that somebody reads into one `ring` a symbol; a `reader` is a place
in a ring, a `stream` carries what it reads to its `socket`, `streams` looks after all of them and
`stream_route` opens them. `books` answers single requests, `ops` those of who runs it, `problems`
those that fail; `app` puts the routes together, `__main__` wires.
"""
