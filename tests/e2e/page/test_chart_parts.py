"""The parts of the page's charts that need no browser."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from lab.node import run_module
from lab.scripted_api import PAGE

Levels = list[list[str]]
# Makes samples of `given.books`, in which null is a gap.
SAMPLES = f"""
const {{ Levels, Sample }} = await import("{(PAGE / "data" / "samples.js").as_uri()}")
const samples = given.books.map((book, second) => book && new Sample({{
  second, epoch: 1, seq: second, isWhole: true,
  bids: new Levels(book[0]), asks: new Levels(book[1]),
}}))
"""


def side(best: str, step: str, count: int = 10) -> Levels:
    """Return levels from a price on, each with its rank as its quantity."""
    first, distance = Decimal(best), Decimal(step)
    return [[f"{first + distance * rank}", f"{rank + 1}.5"] for rank in range(count)]


def of_samples(module: str, script: str, *books: tuple[Levels, Levels] | None) -> Any:
    return run_module(module, SAMPLES + script, {"books": books})


BOOK = (side("100.0", "-0.1"), side("100.2", "0.1"))
HIGHER = (side("100.5", "-0.1"), side("100.7", "0.1"))


def test_cells_have_the_quantity_of_each_price_and_second() -> None:
    rows, cells = of_samples(
        "charts/cells.js",
        """
        const grid = module.gridOf(samples)
        const empty = new Array(grid.rows).fill(0)
        const column = (sample) => (sample === null ? empty : [...module.columnOf(sample, grid)])
        const cells = samples.flatMap(column)
        const prices = Array.from({ length: grid.rows }, (_, row) => grid.tickOf(row))
        return [prices, cells]
        """,
        BOOK, None, HIGHER,
    )  # fmt: skip
    found = {
        (index // len(rows), rows[index % len(rows)]): qty for index, qty in enumerate(cells) if qty
    }
    expected = {
        (second, int(Decimal(price) * 10)): float(qty)
        for second, book in ((0, BOOK), (2, HIGHER))
        for levels in book
        for price, qty in levels
    }
    assert found == expected


def test_rows_of_a_wide_book_have_several_ticks_and_keep_the_sum() -> None:
    wide = (side("1000.00", "-0.37", 200), side("1000.10", "0.41", 200))
    result = of_samples(
        "charts/cells.js",
        """
        const grid = module.gridOf(samples)
        const cells = module.columnOf(samples[0], grid)
        const again = module.gridOf(samples, grid)
        return { bin: grid.bin, rows: grid.rows, sum: cells.reduce((a, b) => a + b),
                 isKept: again === grid, edges: grid.edges }
        """,
        wide,
    )
    assert result["bin"] > 1
    assert result["rows"] <= 240
    assert result["isKept"]
    low, high = result["edges"]
    shown = [qty for levels in wide for price, qty in levels if low < float(price) < high]
    assert len(shown) > 100
    assert result["sum"] == pytest.approx(sum(map(float, shown)), rel=0.02)


def test_grid_follows_a_book_that_leaves_it() -> None:
    far = (side("300.0", "-0.1"), side("300.2", "0.1"))
    script = """
        const grid = module.gridOf(samples.slice(0, 1))
        const next = module.gridOf(samples.slice(1), grid)
        return [grid.rowOf(300) >= grid.rows, next.rowOf(300) >= 0 && next.rowOf(300) < next.rows,
                module.gridOf([null])]
    """
    assert of_samples("charts/cells.js", script, BOOK, far) == [True, True, None]


def test_scale_of_cells_begins_above_zero_and_ends_at_the_full_quantity() -> None:
    script = "return given.map((qty) => module.stepOf(qty, 100))"
    assert run_module("charts/cells.js", script, [0, 1e-9, 25, 100, 1e9]) == [0, 1, 128, 255, 255]


def test_gaps_are_those_between_and_after_samples() -> None:
    values = [None, None, 1, None, 2, None, None]
    assert run_module("charts/series.js", "return module.gapsOf(given)", values) == [[3, 3], [5, 6]]
    assert run_module("charts/series.js", "return module.gapsOf(given)", [None, None]) == []


def test_figures_over_time_are_those_of_each_book() -> None:
    series, figures = of_samples(
        "charts/series.js",
        "return [module.seriesOf(samples, 70), module.figuresOf(samples[0])]",
        BOOK, None, (BOOK[0], []),
    )  # fmt: skip
    assert series == {
        "seconds": [70, 71, 72],
        "mids": [pytest.approx(100.1), None, None],
        "spreads": [pytest.approx(0.2), None, None],
        "imbalances": [0, None, None],
    }
    assert figures == {"mid": "100.10", "spread": "0.2", "points": "19.98", "imbalance": "0.00"}


def lightness(colour: list[int]) -> float:
    """Return the lightness of a colour in OKLab."""
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return (
        0.2104542553 * math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
        + 0.7936177850 * math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
        - 0.0040720468 * math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    )


@pytest.mark.parametrize("panel", ["#151b23", "#ffffff"])
def test_colours_of_the_heatmap_differ_in_even_steps_of_lightness(panel: str) -> None:
    scale = run_module("charts/palette.js", "return module.scaleFor(given)", panel)
    steps = [lightness(colour) for colour in scale]
    changes = [after - before for before, after in pairwise(steps[::15])]
    mean = sum(changes) / len(changes)
    assert abs(steps[-1] - steps[0]) > 0.4
    assert all(change == pytest.approx(mean, rel=0.25) for change in changes)


def test_numbers_of_axes_have_the_decimals_of_their_steps() -> None:
    cases = {
        (12.5, 2.5): ("12.5", "12.5"), (0.30000000000000004, 0.1): ("0.3", "0.3"),
        (63400, 25): ("63400", "63400"), (2_500_000, 500_000): ("2500000", "2.5M"),
        (-0.0, 0.5): ("0.0", "0.0"), (0.00002, 0.00001): ("0.00002", "0.00002"),
    }  # fmt: skip
    script = "return given.map((each) => [module.fixed(...each), module.axisText(...each)])"
    found = run_module("charts/words.js", script, list(cases))
    assert [tuple(texts) for texts in found] == list(cases.values())
