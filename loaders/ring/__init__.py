"""Loaders out of a ring of buffers: RingLoader over Rows of pictures, InMemoryLoader over any dataset."""

from loaders.data.rows import Rows
from loaders.ring.in_memory_loader import InMemoryLoader
from loaders.ring.ring_loader import RingLoader, idle_cores

__all__ = ["InMemoryLoader", "RingLoader", "Rows", "idle_cores"]
