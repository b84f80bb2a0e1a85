"""The styles of the terminal: the colours of the web page, or no colours.

The sides are blue and orange instead of green and red, so that colour-blind people can distinguish
them. Nothing is shown by colour only: position, words, shapes or bold letters show it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rich.style import Style

Theme = Literal["dark", "light"]


@dataclass(frozen=True)
class _Colours:
    """The colours of a theme.

    Minor texts have a contrast of 4.5 to 1 too, on the ground and, if they occur there, under the
    cursor.
    """

    ground: str
    line: str
    text: str
    muted: str
    zeros: str
    unsure: str
    bid: str
    bid_bar: str
    ask: str
    ask_bar: str
    warn: str
    bad: str
    simulated: str
    cursor: str


_DARK = _Colours(
    ground="#0d1117",
    line="#3a4653",
    text="#eeeeee",
    muted="#9fabb8",
    zeros="#7a8693",
    unsure="#98a3af",
    bid="#6cb3ff",
    bid_bar="#2b4d71",
    ask="#ffa657",
    ask_bar="#6b4a2b",
    warn="#ffd34d",
    bad="#ff8f87",
    simulated="#ffc400",
    cursor="#22364d",
)
_LIGHT = _Colours(
    ground="#ffffff",
    line="#aab4bf",
    text="#17202a",
    muted="#55616e",
    zeros="#6b7682",
    unsure="#55616e",
    bid="#0a58a8",
    bid_bar="#a9c9ea",
    ask="#a14600",
    ask_bar="#f0c8a0",
    warn="#7a5600",
    bad="#b3261e",
    simulated="#7a5600",
    cursor="#dce8f5",
)


@dataclass(frozen=True)
class SideStyles:
    """The styles of the levels of one side."""

    price: Style
    best: Style
    bar: Style


@dataclass(frozen=True)
class Palette:
    """A style for each kind of text."""

    screen: str
    """The colour outside the widgets, by Textual's name."""
    ground: Style
    text: Style
    strong: Style
    muted: Style
    zeros: Style
    """Zeros that only show the precision."""
    unsure: Style
    """Values of books that are not live."""
    frame: Style
    focus: Style
    """The frame with the focus, and its title."""
    bid: SideStyles
    ask: SideStyles
    good: Style
    warn: Style
    bad: Style
    simulated: Style
    """The mark of a simulated or replayed book."""
    banner: Style
    """The notice that books are simulated or replayed."""
    outage: Style
    cursor: Style
    """The row under the cursor, combined with its other styles."""


def _coloured(colours: _Colours) -> Palette:
    def on_ground(color: str, *, bold: bool = False) -> Style:
        return Style(color=color, bgcolor=colours.ground, bold=bold)

    def side(color: str, bar: str) -> SideStyles:
        return SideStyles(on_ground(color), on_ground(color, bold=True), on_ground(bar))

    return Palette(
        screen=colours.ground,
        ground=on_ground(colours.text),
        text=on_ground(colours.text),
        strong=on_ground(colours.text, bold=True),
        muted=on_ground(colours.muted),
        zeros=on_ground(colours.zeros),
        unsure=on_ground(colours.unsure),
        frame=on_ground(colours.line),
        focus=on_ground(colours.bid, bold=True),
        bid=side(colours.bid, colours.bid_bar),
        ask=side(colours.ask, colours.ask_bar),
        good=on_ground(colours.bid),
        warn=on_ground(colours.warn),
        bad=on_ground(colours.bad),
        simulated=on_ground(colours.simulated),
        banner=Style(color="#16130a", bgcolor="#ffc400", bold=True),
        outage=Style(color="#ffffff", bgcolor="#8f1d18", bold=True),
        cursor=Style(bgcolor=colours.cursor),
    )


def _with_bars(palette: Palette, bid: str, ask: str) -> Palette:
    """Return a palette with other colours of the bars."""
    ground = palette.ground.bgcolor
    return replace(
        palette,
        bid=replace(palette.bid, bar=Style(color=bid, bgcolor=ground)),
        ask=replace(palette.ask, bar=Style(color=ask, bgcolor=ground)),
    )


_COLOURED_DARK, _COLOURED_LIGHT = _coloured(_DARK), _coloured(_LIGHT)


def _sixteen(color: str = "white", *, bold: bool = False, dim: bool = False) -> Style:
    # The background is set, because yellow and cyan are unreadable on a white one.
    return Style(color=color, bgcolor="black", bold=bold, dim=dim)


_SIXTEEN_DARK = Palette(
    screen="ansi_black",
    ground=_sixteen(),
    text=_sixteen("bright_white"),
    strong=_sixteen("bright_white", bold=True),
    muted=_sixteen(),
    zeros=_sixteen(),
    unsure=_sixteen() + Style(italic=True),
    frame=_sixteen(dim=True),
    focus=_sixteen("cyan", bold=True),
    bid=SideStyles(_sixteen("cyan"), _sixteen("cyan", bold=True), _sixteen("cyan", dim=True)),
    ask=SideStyles(_sixteen("yellow"), _sixteen("yellow", bold=True), _sixteen("yellow", dim=True)),
    good=_sixteen("cyan"),
    warn=_sixteen("yellow", bold=True),
    bad=_sixteen("bright_red", bold=True),
    simulated=_sixteen("yellow"),
    banner=Style(color="black", bgcolor="yellow"),
    outage=Style(color="bright_white", bgcolor="red", bold=True),
    cursor=Style(reverse=True),
)


def _sixteen_light(color: str = "black", *, bold: bool = False) -> Style:
    return Style(color=color, bgcolor="bright_white", bold=bold)


_SIXTEEN_LIGHT = Palette(
    screen="ansi_bright_white",
    ground=_sixteen_light(),
    text=_sixteen_light(),
    strong=_sixteen_light(bold=True),
    muted=_sixteen_light(),
    zeros=_sixteen_light(),
    unsure=_sixteen_light() + Style(italic=True),
    frame=_sixteen_light("white"),
    focus=_sixteen_light("blue", bold=True),
    bid=SideStyles(
        _sixteen_light("blue"), _sixteen_light("blue", bold=True), _sixteen_light("cyan")
    ),
    ask=SideStyles(
        _sixteen_light("red"), _sixteen_light("red", bold=True), _sixteen_light("yellow")
    ),
    good=_sixteen_light("blue"),
    warn=_sixteen_light("red", bold=True),
    bad=Style(color="bright_white", bgcolor="red", bold=True),
    simulated=_sixteen_light(bold=True),
    banner=Style(color="black", bgcolor="yellow"),
    outage=Style(color="bright_white", bgcolor="red", bold=True),
    cursor=Style(reverse=True),
)


def _plain(*, bold: bool = False, dim: bool = False, italic: bool = False) -> Style:
    return Style(bold=bold, dim=dim, italic=italic)


# Texts are never dim, because the terminal decides how faint that is. The text and the background
# are the terminal's, so this palette suits both themes.
_PLAIN = Palette(
    screen="ansi_default",
    ground=_plain(),
    text=_plain(),
    strong=_plain(bold=True),
    muted=_plain(),
    zeros=_plain(),
    unsure=_plain(italic=True),
    frame=_plain(dim=True),
    focus=_plain(bold=True),
    bid=SideStyles(_plain(), _plain(bold=True), _plain(dim=True)),
    ask=SideStyles(_plain(), _plain(bold=True), _plain(dim=True)),
    good=_plain(),
    warn=_plain(bold=True),
    bad=_plain(bold=True),
    simulated=_plain(),
    banner=Style(reverse=True),
    outage=Style(reverse=True, bold=True),
    cursor=Style(reverse=True),
)

PALETTES: Mapping[tuple[str, Theme], Palette] = {
    ("truecolor", "dark"): _COLOURED_DARK,
    ("truecolor", "light"): _COLOURED_LIGHT,
    # The nearest of the 256 colours to the bars' colours would be olive, teal and grey.
    ("256", "dark"): _with_bars(_COLOURED_DARK, "color(24)", "color(94)"),
    ("256", "light"): _with_bars(_COLOURED_LIGHT, "color(153)", "color(223)"),
    # Each terminal defines its sixteen colours differently.
    ("standard", "dark"): _SIXTEEN_DARK,
    ("standard", "light"): _SIXTEEN_LIGHT,
    ("none", "dark"): _PLAIN,
    ("none", "light"): _PLAIN,
}
"""The palettes by the terminal's colours, in the words of Rich, and by theme."""


def palette_for(theme: Theme, *, no_color: bool, color_system: str | None) -> Palette:
    """Return the palette of a terminal.

    Args:
        theme: The theme.
        no_color: Whether the user wants no colours.
        color_system: Rich's name for the terminal's colours, None if it has none.
    """
    colours = "none" if no_color or color_system is None else color_system
    return PALETTES.get((colours, theme), PALETTES["truecolor", theme])
