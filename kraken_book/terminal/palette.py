"""The styles of the terminal: the web page's colours, and none of them where none are wanted.

Blue and orange, not green and red, so that the sides differ for every eye. What a colour says is
also said by a place, a word, a shape or the weight of the letters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.style import Style

GROUND = "#0d1117"
LINE = "#3a4653"
TEXT = "#eeeeee"
MUTED = "#9fabb8"
FAINT = "#66717d"
BID = "#6cb3ff"
ASK = "#ffa657"
WARN = "#ffd34d"
BAD = "#ff8f87"
YELLOW = "#ffc400"
INK = "#16130a"


@dataclass(frozen=True)
class SideStyles:
    """How the levels of one side look."""

    price: Style
    best: Style
    bar: Style


@dataclass(frozen=True)
class Palette:
    """A style for each thing that is told apart."""

    screen: str
    """What Textual paints where nothing of ours is."""
    ground: Style
    text: Style
    strong: Style
    muted: Style
    zeros: Style
    """Zeros that only show the precision."""
    unsure: Style
    """What is not known to be right."""
    frame: Style
    focus: Style
    """The frame that has the focus, and what stands in it."""
    bid: SideStyles
    ask: SideStyles
    good: Style
    warn: Style
    bad: Style
    simulated: Style
    """No market's book."""
    banner: Style
    """That no market's books are shown, where nobody overlooks it."""
    outage: Style
    cursor: Style
    """The row that the cursor is on, over its other styles."""


def _on_ground(color: str, *, bold: bool = False) -> Style:
    return Style(color=color, bgcolor=GROUND, bold=bold)


COLOURED = Palette(
    screen=GROUND,
    ground=_on_ground(TEXT),
    text=_on_ground(TEXT),
    strong=_on_ground(TEXT, bold=True),
    muted=_on_ground(MUTED),
    zeros=_on_ground(FAINT),
    unsure=_on_ground(FAINT),
    frame=_on_ground(LINE),
    focus=_on_ground(BID, bold=True),
    bid=SideStyles(_on_ground(BID), _on_ground(BID, bold=True), _on_ground("#2b4d71")),
    ask=SideStyles(_on_ground(ASK), _on_ground(ASK, bold=True), _on_ground("#6b4a2b")),
    good=_on_ground(BID),
    warn=_on_ground(WARN),
    bad=_on_ground(BAD),
    simulated=_on_ground(YELLOW),
    banner=Style(color=INK, bgcolor=YELLOW, bold=True),
    outage=Style(color="#ffffff", bgcolor="#8f1d18", bold=True),
    cursor=Style(bgcolor="#22364d"),
)
"""For terminals that take any colour."""

# The nearest of 256 to these bars would be olive and teal.
EIGHT_BIT = replace(
    COLOURED,
    bid=replace(COLOURED.bid, bar=_on_ground("color(24)")),
    ask=replace(COLOURED.ask, bar=_on_ground("color(94)")),
)
"""For terminals of 256 colours."""


def _ansi(color: str | None = None, *, bold: bool = False, dim: bool = False) -> Style:
    return Style(color=color, bold=bold, dim=dim)


SIXTEEN = Palette(
    screen="ansi_default",
    ground=_ansi(),
    text=_ansi(),
    strong=_ansi(bold=True),
    muted=_ansi(),
    zeros=_ansi(dim=True),
    unsure=_ansi(dim=True),
    frame=_ansi(dim=True),
    focus=_ansi("cyan", bold=True),
    bid=SideStyles(_ansi("cyan"), _ansi("cyan", bold=True), _ansi("cyan", dim=True)),
    ask=SideStyles(_ansi("yellow"), _ansi("yellow", bold=True), _ansi("yellow", dim=True)),
    good=_ansi("cyan"),
    warn=_ansi("yellow", bold=True),
    bad=_ansi("red", bold=True),
    simulated=_ansi("yellow"),
    banner=Style(color="black", bgcolor="yellow"),
    outage=Style(color="white", bgcolor="red", bold=True),
    cursor=Style(reverse=True),
)
"""For terminals that name sixteen colours, which are the terminal's own, as is the ground."""

PLAIN = Palette(
    screen="ansi_default",
    ground=_ansi(),
    text=_ansi(),
    strong=_ansi(bold=True),
    muted=_ansi(),
    zeros=_ansi(dim=True),
    unsure=_ansi(dim=True),
    frame=_ansi(dim=True),
    focus=_ansi(bold=True),
    bid=SideStyles(_ansi(), _ansi(bold=True), _ansi(dim=True)),
    ask=SideStyles(_ansi(), _ansi(bold=True), _ansi(dim=True)),
    good=_ansi(),
    warn=_ansi(bold=True),
    bad=_ansi(bold=True),
    simulated=_ansi(),
    banner=Style(reverse=True),
    outage=Style(reverse=True, bold=True),
    cursor=Style(reverse=True),
)
"""Without any colour."""


def palette_for(*, no_color: bool, color_system: str | None) -> Palette:
    """The palette of a terminal whose colours Rich calls `color_system`."""
    if no_color or color_system is None:
        return PLAIN
    return {"standard": SIXTEEN, "256": EIGHT_BIT}.get(color_system, COLOURED)
