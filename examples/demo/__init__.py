"""The demo: a user who stays signed in, seen from both sides of the wire.

`__main__` puts the parts together, `scenario` holds the stages, `wire` records what was sent, `counts` judges it,
`view` shows it live, `timeline` draws it.
"""
