"""From an edited spec to a version on the private index: `python -m generator release`.

`steps` is the order of things; everything happens in a copy of the tree, and the tree itself is touched only after the
upload. `changelog` and `distribution` make what is published, `sbom` says what it needs, `index` reads and fills the
index, `history` is what git has of it, `trial` installs from the index and runs the README's example.
"""
