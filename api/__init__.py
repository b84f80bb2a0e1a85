"""Redis to HTTP and SSE: stateless, so any number of replicas serve the same books.

The folders, in the order of the data's way; each imports only those before it:

- `store` reads books and parts of streams from Redis.
- `follow` follows the streams that somebody reads, and keeps their last events in rings.
- `views` rebuilds books from rings for streams of many symbols and for views.
- `delivery` carries events from a ring or a channel to the socket of each reader.
- `http` has the routes: parameters in, JSON, problems or a stream out.

`app` wires one of each part and runs them as a process, with the `settings`. `page` is the live
page, which the api serves as files.
"""
