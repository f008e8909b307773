"""Contains all the data models used in inputs/outputs"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .credentials import Credentials
    from .error import Error
    from .profile import Profile
    from .refresh_token import RefreshToken
    from .token_pair import TokenPair
else:
    # PEP 562: importing this package does not import every model of the spec.
    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

    _MODULES = {
        "Credentials": "credentials",
        "Error": "error",
        "Profile": "profile",
        "RefreshToken": "refresh_token",
        "TokenPair": "token_pair",
    }

__all__ = (
    "Credentials",
    "Error",
    "Profile",
    "RefreshToken",
    "TokenPair",
)
