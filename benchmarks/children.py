"""How measured child processes are started."""

import os


def with_bytecode(**more: str) -> dict[str, str]:
    """Return the environment in which Python keeps what it has compiled, as it does for an installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more
