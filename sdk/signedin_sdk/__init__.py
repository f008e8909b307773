"""A client library for accessing signedin"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client
else:
    # PEP 562: who brings a client of their own pays nothing for these.
    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import client

        return getattr(client, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = (
    "AuthenticatedClient",
    "Client",
)
