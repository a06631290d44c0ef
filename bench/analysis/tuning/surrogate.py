"""Surrogate: a guess of the speed of configurations, from those that share their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

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
        self._table = np.zeros((len(settings), len(places)))
        for number, row in enumerate(features):
            self._table[number, [places[key] for key in row]] = 1.0

    def predict(self, logs: Mapping[int, float]) -> npt.NDArray[np.float64]:
        """Return the guessed logarithm of the speed of every configuration.

        Args:
            logs: logarithm of the speed of those that were measured, at least one.
        """
        seen = list(logs)
        values = np.array([logs[number] for number in seen])
        centre = float(np.median(values))
        kernel = self._table[seen] @ self._table.T
        own = kernel[:, seen] + RIDGE * np.trace(kernel[:, seen]) / len(seen) * np.eye(len(seen))
        guessed: npt.NDArray[np.float64] = centre + kernel.T @ np.linalg.solve(own, values - centre)
        return guessed
