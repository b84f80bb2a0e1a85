"""Requests and answers.

- `request_log` gives each request an id and a log line; `proxies` knows its client's address.
- `routes` has the routes: `books` for /symbols, /books and /depth, `stream_route` for streams,
  `ops` for operators.
- `parameters` parses what a request asks for; `problems` answers with errors, `json_text` makes
  JSON that is safe on a terminal.
"""
