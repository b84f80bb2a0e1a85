"""The faults that the simulator can show, and which of them are on.

- `kinds` declares each fault with its parameters.
- `text` parses `corrupt?symbol=BTC/USD&count=3` and describes every fault.
- `active` holds the faults that are on until a time, and those that wait for the next updates.
- `delay_line` delivers items late, for the faults that delay.

What a fault does is where it happens: in `protocol.session`, `market.listing`, `send_queue` and
`injector`. Nothing here imports another part of the simulator.
"""
