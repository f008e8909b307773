"""Something on a Redis port that is no healthy Redis: it says what a test tells it to, or cuts a real one's answers."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from tests.auth.talking import talking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The answer to one command, given its name in upper case; None closes the connection.
Says = "Callable[[str], bytes | None]"
_HELLO = b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"
_INTRODUCTIONS = {"CLIENT": b"+OK\r\n", "SELECT": b"+OK\r\n", "HELLO": _HELLO}


@contextmanager
def saying(says: Callable[[str], bytes | None]) -> Iterator[str]:
    """Answer every command; yield the URL."""

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as commands:
            while (name := _command(commands)) is not None:
                # The library introduces itself; that is no business of the store.
                answer = _INTRODUCTIONS[name] if name in _INTRODUCTIONS else says(name)
                if answer is None:
                    return
                connection.sendall(answer)

    with talking(lambda connection, _: talk(connection), reads=False) as url:
        yield url.replace("http", "redis")


class Relay:
    """Stands before a real Redis; while `losing`, a command is done, and its answer lost with the connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.losing = threading.Event()

    @contextmanager
    def url(self) -> Iterator[str]:
        with talking(lambda connection, _: self._talk(connection), reads=False) as url:
            yield url.replace("http", "redis")

    def _talk(self, connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", self._port)) as upstream:
            while command := connection.recv(65536):
                upstream.sendall(command)
                answer = upstream.recv(65536)
                if self.losing.is_set():
                    return
                connection.sendall(answer)


def _command(commands: BinaryIO) -> str | None:
    """Read one command (an array of bulk strings) and return its name."""
    head = commands.readline()
    if not head.startswith(b"*"):
        return None
    words = []
    for _ in range(int(head[1:])):
        length = int(commands.readline()[1:])
        words.append(commands.read(length + 2)[:-2])
    return words[0].decode().upper()
