"""Servers of a few lines on a loopback socket, and a refresh that is sent to them."""

from __future__ import annotations

import functools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx
from signedin import HttpRefresher, TokenPair
from signedin.testing import VirtualClock

from tests.auth.contracts import contract

if TYPE_CHECKING:
    from signedin.protocols import Answer

_certificates = functools.cache(ssl.create_default_context)
Talk = Callable[[socket.socket, threading.Event], None]


@contextmanager
def talking(talk: Talk, *, reads: bool = True) -> Iterator[str]:
    """Serve one connection after another by `talk`, once a request was read; yield the base URL."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if reads:
                connection.recv(65536)
            talk(connection, stop)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def dripping(head: bytes, drop: bytes) -> Talk:
    def talk(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head)
        while not stop.wait(0.02):
            connection.sendall(drop)

    return talk


def saying(content: bytes) -> Talk:
    def talk(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # closed before all of the request was read, it would reset
            pass

    return talk


def silent(_: socket.socket, stop: threading.Event) -> None:
    stop.wait(20)


def answer_of(url: str, timeout: float = 5.0, **options: Any) -> Answer:
    """Return what a refresh was answered over a transport that is ready: to load certificates takes its time."""
    if "transport" not in options:
        options = {"transport": httpx.HTTPTransport(**{"verify": _certificates(), **options})}
    refresher = HttpRefresher(
        contract(), url, clock=VirtualClock(), client=lambda: httpx.Client(**options), allow_http=True
    )
    try:
        return refresher.refresh(TokenPair("a", "r"), attempt="a", timeout=timeout)
    finally:
        refresher.close()


def resetting(content: bytes) -> Talk:
    """Say something, and close with a reset."""

    def talk(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(content)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return talk
