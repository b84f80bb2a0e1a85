"""Random scripts of what happens to a session, for hypothesis."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from lab.frame_mutations import DAMAGES, FORMS
from lab.session_script import (
    LOTS,
    ODD_TIMES,
    PAIRS,
    Change,
    Damage,
    Happen,
    Other,
    Pass,
    Script,
    Snapshot,
    Step,
    Update,
    World,
    write_script,
)

# Tests try this many times more examples, for a long search: KRAKEN_BOOK_FUZZ=100.
FUZZ = float(os.environ.get("KRAKEN_BOOK_FUZZ", "1"))


def examples(number: int) -> int:
    """Return the number of examples of a test, which is greater in a long search."""
    return max(1, int(number * FUZZ))


def rarely(values: st.SearchStrategy[int], *, one_in: int) -> st.SearchStrategy[int]:
    """Return a strategy of -1, and of one of `values` in one of so many cases."""
    return st.integers(0, one_in - 1).flatmap(lambda n: values if n == one_in - 1 else st.just(-1))


numbers = st.integers(0, 1 << 16)
pair_numbers = st.integers(0, 3)
small_lots = st.integers(-1, 6)
any_lots = st.integers(7, len(LOTS) - 1)
# A bid at distance -2 is an ask's price, so that the book is crossed.
changes = st.builds(
    Change,
    st.integers(0, 5) | st.integers(0, 40),
    small_lots | small_lots | small_lots | any_lots,
)
crossing = st.builds(Change, st.integers(-4, -1), small_lots)
damages = st.builds(Damage, st.integers(0, len(DAMAGES) - 1), numbers, numbers)
odd_times = st.integers(0, len(ODD_TIMES) - 1)
forms = st.integers(0, len(FORMS) - 1)
sides = st.lists(changes, max_size=3).map(tuple)

# All fields are given, because hypothesis would make up the others of a NamedTuple.
as_they_are = {
    "time": st.just(-1),
    "form": st.just(-1),
    "damages": st.just(()),
    "wrong": st.just(0),
    "is_lost": st.just(False),
    "count": st.just(1),
}
plain_updates = st.builds(
    Update,
    pair_numbers,
    sides,
    sides,
    **{**as_they_are, "count": st.sampled_from([1, 1, 1, 2, 3, 8, 40])},
)
odd_updates = st.builds(
    Update,
    pair_numbers,
    sides,
    sides,
    time=rarely(odd_times, one_in=2),
    form=rarely(forms, one_in=4),
    damages=st.lists(damages, max_size=2).map(tuple),
    wrong=st.sampled_from([0, 0, 0, 0, 1, -1, 2**32, -(2**32), 2**64]),
    is_lost=st.integers(0, 9).map(lambda n: n == 9),
    count=st.just(1),
)
crossing_updates = st.builds(
    Update,
    pair_numbers,
    st.lists(crossing | changes, min_size=1, max_size=3).map(tuple),
    sides,
    **as_they_are,
)
snapshots = st.builds(
    Snapshot, pair_numbers, rarely(forms, one_in=4), st.lists(damages, max_size=1).map(tuple)
)
passes = st.builds(
    Pass,
    st.sampled_from([0, 1_000, 1_000_000, 50_000_000, 60_000_000, 10**9, 30 * 10**9]),
    st.sampled_from([0, 0, 0, 0, 1, 10, -10, 25]),
)
steps: st.SearchStrategy[Step] = st.one_of(
    *(plain_updates, plain_updates, plain_updates, odd_updates, odd_updates, crossing_updates),
    *(snapshots, passes, passes),
    st.builds(Other, numbers),
    st.builds(Happen, pair_numbers, st.integers(0, 12), st.integers(0, 4)),
    st.builds(Happen, pair_numbers, st.integers(0, 12), st.integers(0, 4)),
)
worlds = st.builds(
    World,
    st.lists(st.sampled_from(PAIRS), min_size=1, max_size=4, unique=True).map(tuple),
    st.sampled_from([10, 10, 25, 1, 2, 1000]),
    st.sampled_from([2, 3, 8, 50, 512]),
    st.sampled_from([1, 20, 2000]),
)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Draw a script."""
    return write_script(draw(worlds), draw(st.lists(steps, max_size=30)))
