"""Test equipment, for tests, benchmarks and tools. Nothing in the product imports it.

- `stage` starts services together with a real Redis and ends them: `services` are the three
  services, `process` is any process of ours, `ports` finds ports, `process_table` asks the kernel.
- `waiting` waits for a state: `wait_until` a condition holds, `wait_for` a value.
- `sse/` has the readers of streams; `ladder` is the witness that checks their events.
- `stored_books` and `redis_reads` read what is stored in Redis, `written_books` makes what a
  collector writes, `redis_fleet` starts a cluster or Sentinels, `redis_proxy` and `proxy_faults`
  disturb connections to Redis.
- `scripted_kraken`, `scripted_api` and `canned_api` do what a test tells them to; `naive_book` is
  the simplest book.
- `balancer`, `connect_proxy`, `chromium` and `tmux` stand in for what users have around the api;
  `cramped_api` and `cramped_collector` are services with little room.
"""
