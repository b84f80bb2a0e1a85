"""Every text has a contrast of at least 4.5 to 1 on every kind of terminal."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

import pytest
from rich.color import Color
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from kraken_book.terminal.palette import PALETTES, Palette, SideStyles, Theme, palette_for

LEAST = 4.5
_XTERM = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
]
THEMES = {
    "dark": TerminalTheme((0, 0, 0), (229, 229, 229), _XTERM[:8], _XTERM[8:]),
    "light": TerminalTheme((255, 255, 255), (0, 0, 0), _XTERM[:8], _XTERM[8:]),
}
# Lines and bars are not texts. The cursor is combined with other styles.
NO_TEXT = {"screen", "frame", "cursor"}
# The styles of the table, which has a cursor.
UNDER_CURSOR = ("text", "strong", "muted", "unsure", "good", "warn", "bad", "ground")


def texts(palette: Palette) -> dict[str, Style]:
    """Return the styles of a palette's texts."""
    styles: dict[str, Style] = {}
    for field in fields(palette):
        style = getattr(palette, field.name)
        if isinstance(style, SideStyles):
            styles |= {f"{field.name} price": style.price, f"{field.name} best": style.best}
        elif field.name not in NO_TEXT:
            styles[field.name] = style
    under = [*UNDER_CURSOR, "bid price", "ask price"]
    styles |= {f"{name} under the cursor": styles[name] + palette.cursor for name in under}
    return styles


def contrast(style: Style, theme: TerminalTheme) -> float:
    """Return the contrast of a text with its background, by WCAG 2."""
    colour, ground = style.color, style.bgcolor
    if style.reverse:
        colour, ground = ground, colour
    fore = _luminance(colour, theme, is_text=not style.reverse)
    back = _luminance(ground, theme, is_text=bool(style.reverse))
    return (max(fore, back) + 0.05) / (min(fore, back) + 0.05)


def _luminance(colour: Color | None, theme: TerminalTheme, *, is_text: bool) -> float:
    known = colour or Color.default()
    channels = known.get_truecolor(theme, foreground=is_text)
    parts = [channel / 255 for channel in channels]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("palette", "theme"), list(product(PALETTES, THEMES)))
def test_every_text_has_enough_contrast(palette: tuple[str, Theme], theme: str) -> None:
    styles = texts(PALETTES[palette])
    found = {name: contrast(style, THEMES[theme]) for name, style in styles.items()}
    assert {name: round(value, 1) for name, value in found.items() if value < LEAST} == {}
    assert not [name for name, style in styles.items() if style.dim]


@pytest.mark.parametrize("color_system", ["truecolor", "256", "standard"])
def test_each_theme_has_its_own_ground_unless_there_are_no_colours(color_system: str) -> None:
    dark, light = (
        palette_for(theme, no_color=False, color_system=color_system) for theme in ("dark", "light")
    )
    assert dark.ground.bgcolor != light.ground.bgcolor
    for theme in ("dark", "light"):
        palette = palette_for(theme, no_color=False, color_system=color_system)
        assert {palette.bid.bar.bgcolor, palette.text.bgcolor} == {palette.ground.bgcolor}
        plain = palette_for(theme, no_color=True, color_system=color_system)
        assert (plain.ground.color, plain.ground.bgcolor) == (None, None)
