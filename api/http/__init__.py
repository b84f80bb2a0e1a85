"""Answer HTTP requests.

- `request_log` gives each request an id and a log line; `proxies` finds its client's address.
- `web_headers` completes the headers of each answer, `compression` its body, and `cors` permits
  other origins. `entry` checks the host with `hosts` and corrects the path. `web_settings` has the
  settings of these.
- `operations` declares each route, with the classes of `declared`; requests are checked by it.
- `routes` joins declarations and handlers: `books` for /symbols, /books and /depth, `quotes`,
  `best` for /best, `best_feeds` and `best_stream` for its stream, `events` for past events,
  `stream_route` for all other streams, `ops` for operators, `spec` for
  /openapi.json and /docs.
- `parameters` declares and parses the parameters of requests, `event_parameters` those of /events.
  `answers` has the types of JSON
  bodies, `problem_kinds` the codes of errors. `problems` turns errors into responses,
  `json_text` encodes JSON that is safe to print on a terminal.
"""
