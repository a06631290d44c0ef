"""Tests of the packages beside this one, and what they share."""
