"""The addresses of the page's views."""

from __future__ import annotations

from lab.node import run_in_node


def ladders(*names: str) -> dict[str, object]:
    return {"view": "ladders", "names": list(names)}


ROUTES: dict[str, dict[str, object]] = {
    "": {"view": "ladders", "names": None},
    "#": {"view": "ladders", "names": None},
    "#none": ladders(),
    "#BTC/USD,eth-usd, BTC/USD,": ladders("BTC/USD", "eth-usd"),
    "#binance:BTC%2FUSDT": ladders("binance:BTC/USDT"),
    "#%ZZ": ladders("%ZZ"),
    "#/BTC/USD": {"view": "book", "name": "BTC/USD"},
    "#/btc-usd": {"view": "book", "name": "btc-usd"},
    "#/binance:BTC%2FUSDT": {"view": "book", "name": "binance:BTC/USDT"},
    "#/BTC/USD,ETH/USD": ladders("/BTC/USD", "ETH/USD"),
    "#/status": {"view": "status"},
    "#/status/USD": {"view": "book", "name": "status/USD"},
}


def test_fragment_selects_view() -> None:
    script = "const { routeOf } = await load('routes.js'); return given.map(routeOf)"
    found = run_in_node(script, list(ROUTES))
    assert dict(zip(ROUTES, found, strict=True)) == ROUTES


def test_route_returns_from_its_own_fragment() -> None:
    names = ["BTC/USD", "binance:BTC/USDT", "ä%/b c"]
    routes = [
        {"view": "status"},
        ladders(),
        ladders(*names),
        *({"view": "book", "name": name} for name in names),
    ]
    script = """
        const { routeOf, hashOf } = await load("routes.js")
        return given.map((route) => routeOf(hashOf(route)))
    """
    assert run_in_node(script, routes) == routes
