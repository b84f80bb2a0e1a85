"""Coinbase's list of products: `GET /api/v3/brokerage/market/products`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from collector.venues.sequenced.book.steps import precision_of_steps
from collector.venues.sequenced.protocol import TextLevels, VenuePair
from kraken_book.json_errors import JSON_ERRORS

PATH = "/api/v3/brokerage/market/products?product_type=SPOT"
NAME = "coinbase"
# Flags of a product that say more than its status, the most important first.
_FLAGS = (
    *("is_disabled", "trading_disabled", "auction_mode", "cancel_only", "post_only"),
    *("limit_only", "view_only"),
)


class _Product(msgspec.Struct):
    product_id: str
    price_increment: str = ""
    quote_increment: str = ""
    base_increment: str = ""
    status: str = ""
    alias: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    auction_mode: bool = False
    cancel_only: bool = False
    post_only: bool = False
    limit_only: bool = False
    view_only: bool = False


class _Products(msgspec.Struct):
    products: list[msgspec.Raw]


class _RestLevel(msgspec.Struct):
    price: str
    size: str


class _PriceBook(msgspec.Struct):
    bids: list[_RestLevel]
    asks: list[_RestLevel]


class _BookAnswer(msgspec.Struct):
    pricebook: _PriceBook


_book = msgspec.json.Decoder(_BookAnswer)
_products = msgspec.json.Decoder(_Products)
_product = msgspec.json.Decoder(_Product)


def decode_products(body: bytes) -> list[VenuePair]:
    """Return the pairs in an answer; products of an unexpected form are left out.

    A ValueError is raised if it is no list of products.
    """
    return list(_pairs(_products.decode(body).products))


def book_path(product_id: str) -> str:
    """Return the path of a product's present book."""
    return f"/api/v3/brokerage/market/product_book?product_id={product_id}&limit=50"


def decode_book(body: bytes) -> tuple[TextLevels, TextLevels]:
    """Return the bids and asks in an answer; a ValueError is raised if it has none."""
    book = _book.decode(body).pricebook
    bids, asks = ([(level.price, level.size) for level in side] for side in (book.bids, book.asks))
    return bids, asks


def symbol_of(product_id: str) -> str:
    """Return the symbol of a product: `BTC-USD` is `BTC/USD`."""
    base, _, quote = product_id.rpartition("-")
    return f"{base}/{quote}"


def _pairs(products: list[msgspec.Raw]) -> Iterator[VenuePair]:
    for raw in products:
        try:
            product = _product.decode(raw)
        except JSON_ERRORS:
            continue
        price_step = product.price_increment or product.quote_increment
        yield VenuePair(
            symbol=symbol_of(product.product_id),
            name=product.product_id,
            precision=precision_of_steps(price_step, product.base_increment),
            status=_status_of(product),
            is_traded=product.status == "online" and not product.is_disabled,
            # Both names have one book, which Coinbase sends under the other.
            refusal=f"same book as {symbol_of(product.alias)}" if product.alias else None,
        )


def _status_of(product: _Product) -> str:
    return next((flag for flag in _FLAGS if getattr(product, flag)), product.status)
