"""The operations of the spec, one attribute for each of its tags; `__init__.pyi` says of which type."""

from importlib import import_module
from typing import Any


class _Resource:
    """An attribute whose module is imported when it is first used: what a program does not call costs it nothing."""

    def __init__(self, name: str, doc: str) -> None:
        self._name = name
        self.__doc__ = doc

    def __set_name__(self, owner: type, tag: str) -> None:
        self._tag = tag

    def __get__(self, client: Any, owner: type | None = None) -> Any:
        if client is None:
            return self
        resource = getattr(import_module(f".{self._tag}", __name__), f"{client._kind}{self._name}")
        return client.__dict__.setdefault(self._tag, resource(client._send))


class _Tags:
    _kind = ""

    def __init__(self, send: Any) -> None:
        self._send = send

    auth = _Resource("AuthResource", "Obtain, renew and revoke a pair of tokens.")
    users = _Resource("UsersResource", "The signed-in user.")


class Resources(_Tags):
    """Every operation, sent by `send`. A tag's module is imported when the tag is first used."""


class AsyncResources(_Tags):
    """Every operation, sent and awaited by `send`. A tag's module is imported when the tag is first used."""

    _kind = "Async"


__all__ = ("AsyncResources", "Resources")
