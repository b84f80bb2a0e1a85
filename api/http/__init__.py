"""Answer HTTP requests.

- `request_log` gives each request an id and a log line; `proxies` finds its client's address.
- `web_headers` completes the headers of each answer, `compression` its body, and `cors` permits
  other origins. `entry` checks the host with `hosts` and corrects the path. `web_settings` has the
  settings of these.
- `routes` has the routes: `books` for /symbols, /books and /depth, `stream_route` for streams,
  `ops` for operators.
- `parameters` parses the parameters of requests. `problems` turns errors into responses,
  `json_text` encodes JSON that is safe to print on a terminal.
"""
