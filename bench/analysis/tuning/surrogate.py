"""Surrogate: a guess of the speed of configurations, from those that share their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Weight of the prior that a setting changes nothing, in trials.
RIDGE = 0.3


class Surrogate:
    """A guess of the speed of configurations, from those that share their settings.

    Ridge regression of the logarithm of the speed on each setting and on each pair of settings. It decides
    what is looked at first, and never what is chosen.
    """

    def __init__(self, settings: Sequence[Mapping[str, str]]) -> None:
        """Take the settings of all configurations.

        Args:
            settings: settings of each configuration, by its number.
        """
        names = sorted({name for one in settings for name in one})
        varied = [name for name in names if len({one.get(name, "") for one in settings}) > 1]
        features = [
            [(name, one.get(name, "")) for name in varied]
            + [
                (first, one.get(first, ""), second, one.get(second, ""))
                for place, first in enumerate(varied)
                for second in varied[place + 1 :]
            ]
            for one in settings
        ]
        places = {
            key: place for place, key in enumerate(dict.fromkeys(key for row in features for key in row))
        }
        self._settings = [{(name, one.get(name, "")) for name in varied} for one in settings]
        self._table = np.zeros((len(settings), len(places)))
        for number, row in enumerate(features):
            self._table[number, [places[key] for key in row]] = 1.0

    def cover(self, numbers: Sequence[int]) -> tuple[list[int], list[int]]:
        """Divide configurations into some that show each value of a setting once, and the others.

        Nothing can be guessed of a setting that was never seen, such as a loader family with a single member.

        Args:
            numbers: the configurations. Their order stays.
        """
        first: list[int] = []
        seen: set[tuple[str, str]] = set()
        for number in numbers:
            if not self._settings[number] <= seen:
                first.append(number)
                seen |= self._settings[number]
        return first, [number for number in numbers if number not in set(first)]

    def predict(self, logs: Mapping[int, float]) -> Floats:
        """Return the guessed logarithm of the speed of every configuration.

        Args:
            logs: logarithm of the speed of those that were measured, at least one.
        """
        seen, values, centre = _read(logs)
        guessed: Floats = centre + self._compare(seen).T @ np.linalg.solve(self._weigh(seen), values - centre)
        return guessed

    def predict_from_others(self, logs: Mapping[int, float]) -> dict[int, float]:
        """Return the guessed logarithm of the speed of each one that was measured, without its own trials.

        Args:
            logs: logarithm of the speed of those that were measured, at least one.
        """
        seen, values, centre = _read(logs)
        # Leaving one out takes no new fit (Hastie, Tibshirani & Friedman, 2009, section 7.10).
        inverse = np.linalg.inv(self._weigh(seen))
        guessed = values - inverse @ (values - centre) / np.diag(inverse)
        return dict(zip(seen, guessed.tolist(), strict=True))

    def _compare(self, seen: Sequence[int]) -> Floats:
        """Return how much those that were measured share with all, float64 (measured, all)."""
        shared: Floats = self._table[seen] @ self._table.T
        return shared

    def _weigh(self, seen: Sequence[int]) -> Floats:
        own = self._compare(seen)[:, seen]
        weighed: Floats = own + RIDGE * np.trace(own) / len(seen) * np.eye(len(seen))
        return weighed


def _read(logs: Mapping[int, float]) -> tuple[list[int], Floats, float]:
    values = np.array(list(logs.values()), dtype=float)
    return list(logs), values, float(np.median(values))
