"""What clients of each venue see: requests, frames, sequences and REST, without I/O.

- `venue` is the interface between the server and a venue; `registry` opens one by its name.
- `request_log` keeps the latest requests; `rest` and `meter` are for all venues.
- `pairs`, `whole_book` and `delivery` are shared by the venues besides Kraken.
- `kraken/` is Kraken, whose markets have windows; `coinbase/` is Coinbase Advanced Trade, and
  `binance/` is Binance spot.

Prices are integers of ticks and quantities integers of lots until a venue renders them.
"""
