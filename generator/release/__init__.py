"""From an edited spec to a version on the private index: `python -m generator release`.

`steps` is the order of things; everything happens in a copy of the tree, and the tree itself is touched only after the
upload. `changelog` and `distribution` make what is published, `sbom` says what it needs, `index` reads the index and
`uploading` fills it, `trial` installs from there and runs the README's example.
"""
