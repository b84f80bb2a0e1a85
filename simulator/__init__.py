"""A stand-in for Kraken's WebSocket v2: the `book` and `instrument` channels, without Kraken.

A request comes in at the top of this list and book frames go out through it:

- `options` reads the command line; `program` wires what it asks for.
- `server` accepts sockets; each is a `client` with a `session` and an `outbox`.
- `session` is the protocol of one connection, without I/O: `requests` reads what a client sends,
  `replies` and `instruments` render what is answered; it asks a `feed` for the books.
- `feed` says what a source of book frames is; there are two:
    - `exchange`, the synthetic one: `catalogue` describes the markets, `schedule` says which
      moves when, `ticker` drives it by the clock, `market` walks one full book of two `side`s,
      `listing` sends each move to its subscribers, at each depth through a `window`.
    - `replay`, which plays the book frames of a `recording`.
- `checksum` and `wire` make the text of a book frame, `clock` its times; `outbox` queues frames
  for one socket, within bounds.

What goes wrong comes in from another side, by `--fault` or through `control`, the HTTP port:

- `faults` declares each one, `fault_text` reads them from text and describes them.
- `injector` does them: what lasts, it leaves to the `conditions` of all connections or those of
  the exchange; what a market's next updates or subscriptions meet waits in `turns`, and `spoil`
  makes the wrong text.
- `delay_line` holds back what a fault makes late; `journal` keeps what clients asked for.

Prices are integers of ticks and quantities integers of lots from the market to the text.

Nothing here comes from `kraken_book`: the library is tested against this package, and a mistake
that both shared would stay hidden.
"""
