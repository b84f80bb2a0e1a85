"""Kraken's WebSocket v2 from the server's side, without I/O.

- `instruments` renders frames of the `instrument` channel.
- `book_frames` renders frames of the `book` channel and their checksums.
- `client_requests` decodes requests; `replies` renders the answers.
- `feed` is the interface between a session and a source of book frames.
- `window` selects the part of a move that a subscriber at a depth receives.
- `update` renders an update, valid or spoiled by a fault.
- `listing` sends the moves of one market to its followers.
- `session` answers one client's requests.
- `protocol` is the venue as the server sees it.
"""
