"""How books lie in Redis: the only place that knows keys, fields and the write script.

`keys` names the keys; `book_hash` and `symbol_state` give the forms of what lies there; `write`
makes calls of the one script that writes a book (`write.lua`) and reads its answers; `script`
holds that script and the two that lead (`lease.lua`, `release.lua`).
No module here talks to Redis: they make arguments and read replies.
"""
