"""Measures data loaders: `python -m bench.<command>`, or `from bench import Sweep` and the like in Python."""

from bench.process.command_start import IS_COMMAND

# isort: split
import importlib
import signal
from typing import TYPE_CHECKING, Any

from bench.process.search_path import prefer_own_packages
from bench.process.temporary_folder import require_temporary_folder

if TYPE_CHECKING:
    from bench.compare import Compare
    from bench.explain import Explain
    from bench.loader_tuning import tune_loader
    from bench.sweep import Sweep
    from bench.tune import Tune

__all__ = ["Compare", "Explain", "Sweep", "Tune", "tune_loader"]

# The module of each name. No module bears the name of what it lends: it would hide it once it is imported.
HOMES = {
    "Compare": "bench.compare",
    "Explain": "bench.explain",
    "Sweep": "bench.sweep",
    "Tune": "bench.tune",
    "tune_loader": "bench.loader_tuning",
}

if IS_COMMAND:
    prefer_own_packages()
    require_temporary_folder()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Imports take seconds. Until the command handles Ctrl-C itself, it ends without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def __getattr__(name: str) -> Any:
    """Import what is asked for by its name: it takes a second, which most imports of this package spare."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bench.process.lent_names import use_own_packages

    with use_own_packages():
        return getattr(importlib.import_module(HOMES[name]), name)
