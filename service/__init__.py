"""What our services have in common as processes, and nothing of what they do.

Each module is one such thing: `settings` reads the environment, `logs` sets up the log, `stop`
turns signals into an event, `tasks` ends what a service does, `redis_client` connects by URL,
`http_server` serves an application beside a service's other tasks, `healthcheck` asks whether one
answers.
"""
