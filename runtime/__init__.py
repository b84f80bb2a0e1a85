"""What our services have in common as processes, and nothing of what they do.

Each module is one such thing. `program` begins a service: its `command_line`, its
`standard_streams`, its `settings` from the environment and an `env_file`, its `logs`, whose lines
leave by `log_output` and are made `printable`. `stop` turns `stop_signals` into an event, `tasks`
ends what a service does, `listening` opens its socket or takes over a launcher's, `metrics` are the
figures that every service has. `limited_log` keeps others from filling the log. `redis` connects
to what a `REDIS_URL` names, `http` serves an application beside a service's other tasks.
`healthcheck` asks whether a service answers.
"""
