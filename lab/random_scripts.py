"""Random scripts of what happens to a session, from a seed, and the search for a shorter one.

hypothesis draws short and similar scripts, in which books are hardly ever live for long. These are
long, and most of their frames are plain updates.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence

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
    Snapshot,
    Step,
    Update,
    World,
)

# A long search multiplies the number of scripts by this.
FUZZ_VARIABLE = "KRAKEN_BOOK_FUZZ"
USUAL_PAIRS = PAIRS[:4]
SMALL_LOTS = 7


def times_longer(number: int) -> int:
    """Return `number`, multiplied by the environment variable KRAKEN_BOOK_FUZZ if it is set."""
    return max(1, int(number * float(os.environ.get(FUZZ_VARIABLE, "1"))))


class RandomSteps:
    """Draws the world and the steps of one script."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def world(self) -> World:
        """Draw a world of one to four pairs."""
        number = self._random
        pairs = number.sample(USUAL_PAIRS, number.randint(1, 3))
        if number.random() < 0.5:
            pairs.append(number.choice(PAIRS[len(USUAL_PAIRS) :]))
        number.shuffle(pairs)
        depth = number.choice((10, 10, 10, 25, 100, 1, 2, 1000))
        each = number.choice((2, 3, 8, 20, 50, 512, 512, 512))
        return World(tuple(pairs), depth, each, number.choice((1, 20, 2000)))

    def steps(self) -> list[Step]:
        """Draw the steps."""
        return [self._step() for _ in range(self._random.randint(1, 60))]

    def _step(self) -> Step:
        number = self._random
        draws: tuple[tuple[float, Callable[[], Step]], ...] = (
            (0.60, self._plain),
            (0.72, self._odd),
            (0.74, self._crossing),
            (0.76, self._snapshot),
            (0.84, self._pass),
            (0.90, lambda: Other(number.randrange(1 << 16))),
        )
        dice = number.random()
        for bound, draw in draws:
            if dice < bound:
                return draw()
        return Happen(self._pair(), number.randrange(13), number.randint(0, 4))

    def _plain(self) -> Update:
        count = self._random.choice((1, 1, 1, 2, 3, 8, 20))
        time = self._time() if self._random.random() < 0.1 else -1
        return Update(self._pair(), self._side(), self._side(), time=time, repeats=count)

    def _odd(self) -> Update:
        number = self._random
        damages = [self._damage() for _ in range(number.choice((0, 0, 1, 1, 1, 2)))]
        return Update(
            self._pair(),
            self._side(),
            self._side(),
            time=self._time() if number.random() < 0.3 else -1,
            form=number.randrange(len(FORMS)) if number.random() < 0.3 else -1,
            damages=tuple(damages),
            wrong=number.choice((0, 0, 0, 0, 0, 1, -1, 2**32, -(2**32), 2**64)),
            is_lost=number.random() < 0.05,
        )

    def _crossing(self) -> Update:
        change = Change(self._random.randint(-4, -1), self._random.randrange(SMALL_LOTS))
        return Update(self._pair(), (*self._side(), change), self._side())

    def _snapshot(self) -> Snapshot:
        number = self._random
        form = number.randrange(len(FORMS)) if number.random() < 0.2 else -1
        damages = (self._damage(),) if number.random() < 0.2 else ()
        return Snapshot(self._pair(), form, damages)

    def _pass(self) -> Pass:
        number = self._random
        seconds = number.choice((0, 0, 0, 0, 0, 1, 10, -10, 25))
        nanoseconds = (0, 1_000, 1_000_000, 49_999_999, 50_000_000, 60_000_000, 10**9, 30 * 10**9)
        return Pass(number.choice(nanoseconds), seconds)

    def _pair(self) -> int:
        return self._random.randrange(4)

    def _time(self) -> int:
        return self._random.randrange(len(ODD_TIMES))

    def _damage(self) -> Damage:
        number = self._random
        which = number.randrange(len(DAMAGES))
        return Damage(which, number.randrange(1 << 16), number.randrange(1 << 16))

    def _side(self) -> tuple[Change, ...]:
        number = self._random
        return tuple(self._change() for _ in range(number.choice((0, 0, 1, 1, 1, 2, 3))))

    def _change(self) -> Change:
        number = self._random
        distance = number.randint(0, number.choice((3, 8, 40)))
        lots = number.randint(-2, SMALL_LOTS - 1)
        if number.random() < 0.03:
            lots = number.randrange(len(LOTS))
        return Change(distance, lots)


def shortest(items: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Return a shorter list that still fails, without items that the failure does not need."""
    kept = list(items)
    size = max(1, len(kept) // 2)
    while True:
        at = 0
        while at < len(kept):
            fewer = kept[:at] + kept[at + size :]
            if fails(fewer):
                kept = fewer
            else:
                at += size
        if size == 1:
            return kept
        size //= 2
