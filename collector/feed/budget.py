"""Rate limits, for connecting, resyncs and requests. They read no clock."""

from __future__ import annotations

from collections import Counter, deque


class Budget:
    """A limit of `amount` in any period of `seconds`.

    Times are seconds of a steady clock, passed by the caller.
    """

    def __init__(self, amount: int, seconds: float) -> None:
        self._amount = amount
        self._seconds = seconds
        self._taken: deque[float] = deque(maxlen=amount)
        self._paused_until = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until `take` can succeed; 0 if it can now."""
        due = self._taken[0] + self._seconds if len(self._taken) == self._amount else now
        return max(0.0, due - now, self._paused_until - now)

    def take(self, now: float) -> bool:
        """Use one of the budget; return False if none is left now."""
        if self.wait(now) > 0:
            return False
        self._taken.append(now)
        return True

    def pause(self, until: float) -> None:
        """Refuse every `take` before `until`."""
        self._paused_until = max(self._paused_until, until)


class SharedBudget:
    """A limit of `amount` in any period of `seconds`, shared by several members.

    Half of the amount is reserved for the members in equal parts, of at least one each if there are
    enough. A member may use more than its part, but nothing that is reserved for the others. So a
    member cannot starve the others.
    """

    def __init__(self, amount: int, seconds: float) -> None:
        self._amount = amount
        self._seconds = seconds
        self._members = 0
        self._taken: deque[tuple[float, int]] = deque()
        self._by_member: Counter[int] = Counter()

    def join(self) -> BudgetShare:
        """Add a member and return its share."""
        self._members += 1
        return BudgetShare(self, self._members)

    def wait(self, member: int, now: float) -> float:
        """Return the seconds until `member` may try again; 0 if `take` can succeed now."""
        while self._taken and self._taken[0][0] + self._seconds <= now:
            _, owner = self._taken.popleft()
            self._by_member[owner] -= 1
            if not self._by_member[owner]:
                del self._by_member[owner]
        if self._may_take(member):
            return 0.0
        return self._taken[0][0] + self._seconds - now

    def take(self, member: int, now: float) -> bool:
        """Use one of the budget for `member`; return False if it may not now."""
        if self.wait(member, now) > 0:
            return False
        self._taken.append((now, member))
        self._by_member[member] += 1
        return True

    def _may_take(self, member: int) -> bool:
        free = self._amount - len(self._taken)
        part = max(1, self._amount // (2 * self._members))
        if self._by_member[member] < part or not self._taken:
            return free > 0
        kept = part * self._members - sum(min(part, n) for n in self._by_member.values())
        return free > min(kept, self._amount // 2)


class BudgetShare:
    """One member's share of a SharedBudget; times are steady seconds."""

    def __init__(self, budget: SharedBudget, member: int) -> None:
        self._budget = budget
        self._member = member

    def wait(self, now: float) -> float:
        """Return the seconds until the member may try again; 0 if `take` can succeed now."""
        return self._budget.wait(self._member, now)

    def take(self, now: float) -> bool:
        """Use one of the budget; return False if the member may not now."""
        return self._budget.take(self._member, now)
