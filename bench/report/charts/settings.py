"""Settings of matplotlib for charts: its defaults, whatever the user's own are."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# matplotlib reads these when it is imported. A notebook's backend doesn't exist outside of it, and a user's
# matplotlibrc may ask for LaTeX or for a font that isn't there.
VARIABLES = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}


@contextmanager
def use_own_settings() -> Iterator[None]:
    """Draw with matplotlib's defaults and without a window; a user's settings are back afterwards."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    logger = logging.getLogger("matplotlib")
    level = logger.level
    os.environ.update(VARIABLES)
    # It warns of fonts and of folders for its cache, which change no figure.
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import matplotlib

            with matplotlib.rc_context():
                matplotlib.rcdefaults()
                # Names of transforms and folders may hold a $, which begins no formula here.
                matplotlib.rcParams["text.parse_math"] = False
                yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
