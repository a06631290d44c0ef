"""Tunings of planted landscapes, simulated ones and real processes, whose best setting is known."""
