"""The tools that decide the bytes of the generated package, and how they are looked up.

The same versions stand in pyproject.toml; a test compares the two.
"""

from importlib.metadata import version
from typing import Final

from generator.errors import GeneratorError

PINS: Final = {"jsonpath-rfc9535": "1.0.1", "openapi-python-client": "0.29.1", "ruff": "0.17.6"}


def require_pins() -> None:
    """Refuse to generate with other versions: the bytes would differ for no reason of the spec."""
    for name, wanted in PINS.items():
        if (installed := version(name)) != wanted:
            raise GeneratorError(
                f"{name} {installed} is installed, the generator is pinned to {wanted}. "
                "Install requirements/dev.txt, or move the pin on purpose: generator/package/pins.py, pyproject.toml."
            )
