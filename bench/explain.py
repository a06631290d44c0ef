"""Explain what bounds a training, and what would help: `python -m bench.explain`, and `Explain` in Python."""
