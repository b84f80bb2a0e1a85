"""What every service needs as a process, and nothing of what it does.

In the order of a service's life:

- `process`: signals, standard descriptors and the parent; ready before anything else is imported
- `command_line`, `settings` (from the environment and an `env_file`), `log_levels`
- `logs`: one log; its lines are made `printable` and leave by `log_output`; `limited_log`
  keeps it from being filled
- `service`: begin, stop at a signal, end tasks; `memory` tunes the garbage collector
- `listening`: open the service's socket, or take over its launcher's
- `redis`: the nodes that REDIS_URL names; `http`: serve an application beside other tasks
- `cooperate`: let other tasks run during long work
- `fast_counter` and `metrics`: figures; `healthcheck`: ask whether a service answers
"""
