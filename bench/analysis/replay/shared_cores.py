"""SharedCores: processes that run at the same time and share too few cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Seconds that rounding may leave of some work that is done.
ROUNDING_S = 1e-12
# Share of the cores by which their use may miss all of them.
PRECISION = 1e-6
MOST_TURNS = 50


class SharedCores:
    """Processor sharing: everything that runs gets the same share of the time that it wants on a core.

    A thing that runs wants some cores: 0.3 where it computes for 30% of its time and waits for the rest, 1.8
    where two threads compute. While all of them want more cores than there are, their computing takes longer
    by one factor, their waiting doesn't, and every core is busy.

    Attributes:
        now: seconds on the clock.
    """

    def __init__(self, cores: float, now: float) -> None:
        """Prepare cores on which nothing runs.

        Args:
            cores: number of cores.
            now: seconds on the clock.
        """
        self.now = now
        self._cores = cores
        self._left_s: list[float] = []
        self._wanted: list[float] = []
        self._then: list[Callable[[], None]] = []

    def start(self, work_s: float, cores: float, then: Callable[[], None]) -> None:
        """Start some work.

        Args:
            work_s: seconds that it takes with a core whenever it wants one.
            cores: cores that it wants on average.
            then: is called when it is done.
        """
        self._left_s.append(work_s)
        self._wanted.append(cores)
        self._then.append(then)

    def advance(self) -> None:
        """Let time pass until some work is done, and call what follows it."""
        left_s, wanted = self._left_s, self._wanted
        if sum(wanted) > self._cores:
            more = find_stretch(wanted, self._cores) - 1
            # Seconds that pass for one second of each work.
            paces = [1 + min(1.0, cores) * more for cores in wanted]
            span_s = min([left * pace for left, pace in zip(left_s, paces, strict=True)])
            left_s = [left - span_s / pace for left, pace in zip(left_s, paces, strict=True)]
        else:
            span_s = min(left_s)
            left_s = [left - span_s for left in left_s]
        self.now += span_s
        done = [place for place, left in enumerate(left_s) if left <= ROUNDING_S]
        finished = [self._then[place] for place in done]
        for place in reversed(done):
            del left_s[place], self._wanted[place], self._then[place]
        self._left_s = left_s
        for then in finished:
            then()


def find_stretch(wanted: Sequence[float], cores: float) -> float:
    """Return the factor by which computing takes longer, at which every core is busy; at least 1.

    Work that wants c cores computes for b = min(1, c) of its time. It then takes (1 - b) + b r times as long,
    and keeps c / ((1 - b) + b r) cores busy. Where nothing waits, r is the sum of c over the cores.

    Args:
        wanted: cores that each running thing wants.
        cores: number of cores, above 0.
    """
    wanting = [(c, min(1.0, c)) for c in wanted if c > 0]
    ratio = 1.0
    for _ in range(MOST_TURNS):
        used = slope = 0.0
        for c, busy in wanting:
            share = c / (1 + busy * (ratio - 1))
            used += share
            slope += share * share * busy / c
        if used <= cores * (1 + PRECISION):
            break
        # Newton's method for 1 / used, which is concave in the ratio and linear where nothing waits: no step
        # goes too far.
        ratio += used * (used / cores - 1) / slope
    return ratio
