"""Places in the checkout that tests use, wherever a test lies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# 900 pictures of Fashion-MNIST, in torchvision's layout; tests/data/README.md has their origin.
REAL = ROOT / "tests" / "data" / "fashion-mnist-900"
