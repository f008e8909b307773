"""The operations of the spec, one attribute for each of its tags; `__init__.pyi` says of which type."""

import copy
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class RawResponse(NamedTuple, Generic[T]):
    """A typed answer, and the response that it was read from."""

    parsed: T
    http_response: Any

    @property
    def status_code(self) -> int:
        return self.http_response.status_code

    @property
    def headers(self) -> Any:
        return self.http_response.headers

    @property
    def request_id(self) -> str | None:
        """What the server calls the request (`x-request-id`)."""
        return self.http_response.headers.get("x-request-id")

    def __repr__(self) -> str:
        return f"RawResponse(status_code={self.status_code!r})"  # what was answered may be a token


def _raw(send: Any) -> Any:
    """Return a `send` whose answers are raw, of the same colour."""

    def call(call: Any) -> Any:
        def parse(response: Any) -> Any:
            return RawResponse(call.parse(response), response)

        raw = copy.copy(call)
        raw.parse = parse
        return send(raw)

    return call


class _Resource:
    """An attribute whose module is imported when it is first used: what a program does not call costs it nothing."""

    def __init__(self, name: str, doc: str | None, tag: str = "", kind: str = "") -> None:
        self._name, self._tag, self._kind = name, tag, kind
        self.__doc__ = doc

    def __set_name__(self, owner: type, tag: str) -> None:
        self._tag = tag

    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return _Resource(self._name, self.__doc__, self._tag, owner._kind)
        return client.__dict__.setdefault(self._tag, self._class(client._kind)(client._send))

    # `unittest.mock.create_autospec` reads a class: there the attribute has what the resource will have.

    def __dir__(self) -> list[str]:
        return dir(self._class(self._kind))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._class(self._kind)(None), name)

    def _class(self, kind: str) -> Any:
        return getattr(import_module(f".{self._tag}", __name__), f"{kind}{self._name}")


class _Tags:
    _kind = ""

    def __init__(self, send: Any) -> None:
        self._send = send

    @property
    def with_raw_response(self) -> Any:
        """The same operations, each of which returns a `RawResponse`."""
        raw = _Tags(_raw(self._send))
        raw._kind = self._kind
        return raw

    auth = _Resource("AuthResource", "Obtain, renew and revoke a pair of tokens.")
    users = _Resource("UsersResource", "The signed-in user.")


class Resources(_Tags):
    """Every operation, sent by `send`. A tag's module is imported when the tag is first used."""


class AsyncResources(_Tags):
    """Every operation, sent and awaited by `send`. A tag's module is imported when the tag is first used."""

    _kind = "Async"


__all__ = ("AsyncResources", "RawResponse", "Resources")
