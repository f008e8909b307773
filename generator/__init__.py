"""Generates the SDK from the spec: `python -m generator lint|generate|check|diff|release`.

A spec walks through the rooms in this order: `spec` reads it, `lint` judges it, `mend` helps where it can, `package`
generates, tries and swaps in. `recordings` holds cassettes against it, `diff` compares two, `release` publishes.
"""
