"""Rates of the comparison: how often it claims a difference where none is, and misses one that is planted."""
