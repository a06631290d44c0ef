"""RingLoader, a loader out of a ring of buffers, and Rows, the data that it loads."""

from loaders.data.rows import Rows
from loaders.ring.ring_loader import RingLoader, idle_cores

__all__ = ["RingLoader", "Rows", "idle_cores"]
