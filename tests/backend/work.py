"""What a request costs, counted: every hash with its cost, and every transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Semaphore
from typing import Any

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from signedin_backend.passwords import Passwords
from signedin_backend.storage import Storage


def cost(parameters: Parameters | PasswordHasher) -> tuple[int, int]:
    return parameters.memory_cost, parameters.time_cost


@contextmanager
def worked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Note the parameters of every hash that is computed, and every transaction."""
    seen: list[Any] = []

    def spy(owner: Any, name: str, note: Any) -> None:
        done = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            seen.append(note(*arguments))
            return done(*arguments)

        patch.setattr(owner, name, counted)

    with monkeypatch.context() as patch:
        spy(PasswordHasher, "verify", lambda _, record, __: ("verify", *cost(extract_parameters(record))))
        spy(PasswordHasher, "hash", lambda hasher, _: ("hash", *cost(hasher)))
        spy(Storage, "reading", lambda _: "read")
        spy(Storage, "writing", lambda _: "write")
        yield seen


@contextmanager
def hashing_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Let every verification hang, and then succeed; yields what waits until so many more have begun."""
    begun, release = Semaphore(0), Event()

    def verified(*_: object) -> bool:
        begun.release()
        return release.wait(30)

    def wait(count: int) -> None:
        for _ in range(count):
            assert begun.acquire(timeout=30)

    monkeypatch.setattr(Passwords, "_fits", verified)
    try:
        yield wait
    finally:
        release.set()
