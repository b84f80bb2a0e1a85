"""Test equipment for tests, benchmarks and tools. The product imports nothing from here.

- `stage` starts services with a real Redis and ends them. `services` has the three services,
  `process` runs any process of ours, `ports` finds free ports, `process_table` reads /proc.
- `waiting` polls with a deadline: `wait_until` for a condition, `wait_for` for a value.
- `sse/` has readers of streams. `ladder` is an independent witness that checks their events.
- `stored_books` and `redis_reads` read Redis, `written_books` renders events and books in the
  collector's form, `redis_uses` observes who uses what in Redis, `fake_redis` serves fakeredis on a
  port, `redis_fleet` starts a cluster or Sentinels, `redis_proxy` and `proxy_faults` disturb
  connections to Redis.
- `hostile/` attacks an api with strange requests.
- `scripted_kraken`, `scripted_api` and `canned_api` are servers under a test's control;
  `naive_book` is the simplest book; `recordings` finds recorded frames of Kraken.
- `balancer` and `connect_proxy` are minimal proxies; `chromium` and `tmux` run a browser and a
  terminal; `cramped_api` and `cramped_collector` run services with low limits,
  `patient_api` one with a long deadline.
"""
