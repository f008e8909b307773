"""Temporary: the session's inside as `_renewal.Renewal` will offer it."""

from concurrent.futures import Future as Promise
from typing import Any

from signedin._waiting import wait, wait_async

__all__ = ["Promise", "renewal_of", "wait", "wait_async"]


class _Renewal:
    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    @property
    def held(self) -> Any:
        return self._session.held

    def look(self, rejected: Any) -> Any:
        return rejected

    def load(self) -> Any:
        return self._session.tokens

    def sign_in(self, pair: Any, *, clock_offset: Any = None, replaces: bool = False) -> None:
        self._session.sign_in(pair, clock_offset=clock_offset)


def renewal_of(session: Any) -> Any:
    return _Renewal(session)


def in_use(session: Any) -> bool:
    return bool(session._renewal.flight) or bool(
        session._events._callbacks if hasattr(session._events, "_callbacks") else False
    )


def store_of(session: Any) -> Any:
    return session._store
