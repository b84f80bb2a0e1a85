"""What our services have in common as processes, and nothing of what they do.

Each module is one such thing: `settings` reads the environment, `logs` sets up the log, `stop`
turns signals into an event, `tasks` ends what a service does, `redis_engine` connects to what a
`redis_url` names: the `redis_nodes`, each by a `redis_client`, of one server or a `redis_cluster`;
`redis_errors` says what an error of theirs means;
`http_server` serves an application beside a service's other tasks, `healthcheck` asks whether one
answers.
"""
