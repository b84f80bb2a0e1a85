"""Infrastructure that every service shares; nothing here knows about books.

In the order of a service's life:

- `process`: signals, standard descriptors and the parent process; imported before all else
- `command_line`, `settings` (from the environment and an `env_file`), `log_levels`; `setting_names`
  refuses misspelt settings, and `retired_settings` accepts old names
- `logs`: configure logging; `printable` escapes foreign text, `log_output` writes lines from a
  thread, `limited_log` limits lines that others can cause
- `service`: start, stop at a signal, end tasks; `memory` tunes the garbage collector
- `listening`: open the service's socket, or take the one that the launcher opened
- `redis`: clients of the servers that REDIS_URL names; `http`: serve an ASGI application
- `cooperate`: let other tasks run during long work
- `fast_counter` and `metrics`: metrics; `healthcheck`: a client for health checks
"""
