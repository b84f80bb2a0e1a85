"""How often something may be done: connect, subscribe again, send a request."""

from __future__ import annotations

from collections import Counter, deque


class Budget:
    """At most `amount` in any `seconds`; the caller gives the time, in steady seconds."""

    def __init__(self, amount: int, seconds: float) -> None:
        self._amount = amount
        self._seconds = seconds
        self._taken: deque[float] = deque(maxlen=amount)
        self._paused_until = 0.0

    def wait(self, now: float) -> float:
        """Return after how many seconds `take` may succeed; 0 if it may now."""
        due = self._taken[0] + self._seconds if len(self._taken) == self._amount else now
        return max(0.0, due - now, self._paused_until - now)

    def take(self, now: float) -> bool:
        """Count one and return True, if another one is allowed now."""
        if self.wait(now) > 0:
            return False
        self._taken.append(now)
        return True

    def pause(self, until: float) -> None:
        """Allow none before `until`."""
        self._paused_until = max(self._paused_until, until)


class SharedBudget:
    """At most `amount` in any `seconds` for all members together, and a part for each.

    Half of it is reserved for the members in equal parts, of at least one each if there are enough.
    A member may take more than its part, but not what is reserved for the others. So one that takes
    without end leaves them their parts.
    """

    def __init__(self, amount: int, seconds: float) -> None:
        self._amount = amount
        self._seconds = seconds
        self._members = 0
        self._taken: deque[tuple[float, int]] = deque()
        self._by_member: Counter[int] = Counter()

    def join(self) -> BudgetShare:
        """Return the share of one more member."""
        self._members += 1
        return BudgetShare(self, self._members)

    def wait(self, member: int, now: float) -> float:
        """Return after how many seconds `member` may try again; 0 if it may have one now."""
        while self._taken and self._taken[0][0] + self._seconds <= now:
            _, owner = self._taken.popleft()
            self._by_member[owner] -= 1
            if not self._by_member[owner]:
                del self._by_member[owner]
        if self._may_take(member):
            return 0.0
        return self._taken[0][0] + self._seconds - now

    def take(self, member: int, now: float) -> bool:
        """Take one for `member`, if it may be had now."""
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
    """One member's part of a SharedBudget; times are steady seconds."""

    def __init__(self, budget: SharedBudget, member: int) -> None:
        self._budget = budget
        self._member = member

    def wait(self, now: float) -> float:
        """Return after how many seconds it may try again; 0 if it may have one now."""
        return self._budget.wait(self._member, now)

    def take(self, now: float) -> bool:
        """Take one, if it may be had now."""
        return self._budget.take(self._member, now)
