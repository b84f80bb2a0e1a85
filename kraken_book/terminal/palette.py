"""The styles of the terminal: the web page's colours, or none if none are wanted.

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
# Also texts that matter less are to be read: 4.5 to 1 on the ground, and under the cursor if they
# come there.
FAINT = "#7a8693"
UNSURE = "#98a3af"
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
    """What Textual paints outside of our widgets."""
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
    """The frame that has the focus, and its contents."""
    bid: SideStyles
    ask: SideStyles
    good: Style
    warn: Style
    bad: Style
    simulated: Style
    """No market's book."""
    banner: Style
    """The notice that the books are of no real market."""
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
    unsure=_on_ground(UNSURE),
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


def _sixteen(color: str = "white", *, bold: bool = False, dim: bool = False) -> Style:
    # On a ground of its own: yellow and cyan cannot be read on a terminal's white one.
    return Style(color=color, bgcolor="black", bold=bold, dim=dim)


SIXTEEN = Palette(
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
"""For terminals that name sixteen colours, which are the terminal's own."""


def _plain(*, bold: bool = False, dim: bool = False, italic: bool = False) -> Style:
    return Style(bold=bold, dim=dim, italic=italic)


# Nothing that is to be read is dim: how faint that is, the terminal decides.
PLAIN = Palette(
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
"""Without any colour, on the terminal's own ground."""


def palette_for(*, no_color: bool, color_system: str | None) -> Palette:
    """Return the palette of a terminal whose colours Rich calls `color_system`."""
    if no_color or color_system is None:
        return PLAIN
    return {"standard": SIXTEEN, "256": EIGHT_BIT}.get(color_system, COLOURED)
