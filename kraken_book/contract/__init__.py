"""The form of books in Redis: keys, fields and scripts.

`keys` names the keys. `book_hash` and `symbol_state` define the values. `write` builds calls of the
script that writes a book (`write.lua`) and parses its replies. `script` loads that script and the
scripts of the lease (`lease.lua`, `release.lua`). `version` is the version of all of it.

No module here talks to Redis: they build arguments and parse replies.
"""
