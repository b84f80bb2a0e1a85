"""Redis to HTTP and SSE: stateless, so any number of replicas serve the same books.

In the order that data flows: `store` reads books from Redis, by `shared_reads`, and remembers the
`known_books`; `directory` knows which symbols there are; `tail` follows the streams that somebody
reads, node by node in `lanes`, into one `ring` a symbol, which is a `frame_log` of each
`stream_entry`; `own_events` are what the api itself tells readers. What takes long gives others
`turns`.

For one book a `reader` is a place in its ring. For many, and for views of them as `cut` says, the
`followed_books` are kept up to date, each a `followed_book`; a `channel` makes the frames of one
choice of them for all who read it, `channels` has all of these, and a `channel_reader` is a place
in one.

A `stream` carries what its reader reads to its `socket`, now and then measuring the `delay`;
`streams` looks after all of them, `stream_choice` says what a request asks for, `stream_route`
opens it. `books` answers single requests, `ops` those of who runs it, `problems` those that fail;
`proxies` knows
whose address a request comes from; `app` puts the routes together, `program` wires.
"""
