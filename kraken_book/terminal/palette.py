"""The styles of the terminal: the colours of the web page, or no colours.

The sides are blue and orange instead of green and red, so that colour-blind people can distinguish
them. Nothing is shown by colour only: position, words, shapes or bold letters show it too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.style import Style

GROUND = "#0d1117"
LINE = "#3a4653"
TEXT = "#eeeeee"
MUTED = "#9fabb8"
# Minor texts have a contrast of 4.5 to 1 too, on the ground and, if they occur there, under the
# cursor.
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
"""For terminals with true colour."""

# The nearest of the 256 colours to the bars' colours would be olive and teal.
EIGHT_BIT = replace(
    COLOURED,
    bid=replace(COLOURED.bid, bar=_on_ground("color(24)")),
    ask=replace(COLOURED.ask, bar=_on_ground("color(94)")),
)
"""For terminals with 256 colours."""


def _sixteen(color: str = "white", *, bold: bool = False, dim: bool = False) -> Style:
    # The background is set, because yellow and cyan are unreadable on a white one.
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
"""For terminals with sixteen colours, which each terminal defines differently."""


def _plain(*, bold: bool = False, dim: bool = False, italic: bool = False) -> Style:
    return Style(bold=bold, dim=dim, italic=italic)


# Texts are never dim, because the terminal decides how faint that is.
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
"""Without colours, on the terminal's background."""


def palette_for(*, no_color: bool, color_system: str | None) -> Palette:
    """Return the palette of a terminal.

    Args:
        no_color: Whether the user wants no colours.
        color_system: Rich's name for the terminal's colours, None if it has none.
    """
    if no_color or color_system is None:
        return PLAIN
    return {"standard": SIXTEEN, "256": EIGHT_BIT}.get(color_system, COLOURED)
