"""Serve the books in Redis over HTTP and SSE.

The api is stateless: any number of replicas serve the same books. Its folders, in the order of the
data flow; each imports only those before it:

- `store` reads books and parts of streams from Redis.
- `follow` follows the streams that have readers, and keeps their last events in rings.
- `views` rebuilds books from rings for streams of many symbols and for views.
- `delivery` writes events from a ring or a channel to the socket of each reader.
- `http` has the routes: parameters in, JSON, problems or a stream out.

`app` builds the parts and runs them as a process, with the `settings`. `page` has the files of the
live page.
"""
