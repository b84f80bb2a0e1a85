"""The faults that the simulator supports, and the active ones.

- `kinds` declares each fault with its parameters.
- `text` parses `corrupt?symbol=BTC/USD&count=3` and describes every fault.
- `active` keeps the faults that last for a time, and those that wait for the next updates.
- `delay_line` delivers items late, for faults that delay.

The effects of faults are in `protocols`, `market.exchange`, `send_queue`, `server`, `rest_desk` and
`injector`.
Nothing here imports another part of the simulator.
"""
