"""One file, one family: the file's name is the family's name. `loaders.registry` finds them."""
