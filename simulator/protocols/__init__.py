"""What clients of each venue see: requests, frames, sequences and REST, without I/O.

- `venue` is the interface between the server and a venue; `registry` opens one by its name.
- `request_log` keeps the latest requests; `rest` and `meter` are for all venues.
- `synthetic_venue`, `pairs`, `whole_book` and `delivery` are shared by the venues besides Kraken.
- `kraken/` and `bitfinex/` are venues whose subscribers get windows of the books; those of
  `coinbase/`, Coinbase Advanced Trade, and `binance/`, Binance spot, get whole books.

Prices are integers of ticks and quantities integers of lots until a venue renders them.
"""
