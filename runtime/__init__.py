"""What our services have in common as processes, and nothing of what they do.

Each module is one such thing. `program` begins a service: its `command_line`, its
`standard_streams`, its `settings` from the environment and an `env_file`, its `logs`, whose lines
leave by `log_output` and are made `printable`. `stop` turns `stop_signals` into an event, `tasks`
ends what a service does, `listening` opens its socket or takes over a launcher's, `metrics` are the
figures that every service has. `redis_engine` connects to what a `redis_url` names: the
`redis_nodes`, each by a `redis_client`, of one server or a `redis_cluster`;
`redis_errors` explains their errors. `http_server` serves an
application beside a service's other tasks: each connection is an `http_protocol`,
`http_connections` has the deadlines and the number of all, `http_metrics` their figures.
`line_limit` keeps clients from filling the log. `healthcheck` asks whether a service answers.
"""
