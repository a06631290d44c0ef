"""Loader families: one file is one family, and the file's name is the family's name."""
