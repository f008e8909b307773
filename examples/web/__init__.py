"""Two pages, login and home, served to a browser that never gets a token: `make web`, or `python -m examples.web`."""
