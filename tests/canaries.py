"""Canaries for the whole suite: no token, password or e-mail of a test in any log, down to DEBUG, httpcore's too.

Every token that a fake server hands out is remembered; JWTs are known by their shape, whoever issued them.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Any, Final

from signedin.testing import FakeAuthServer

LOGGERS: Final = ("signedin", "httpx", "httpcore", "signedin_backend")
_JWT: Final = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.")
_WORD: Final = re.compile(r"[\w-]{20,}")
_ALWAYS: Final = ("correct horse battery staple", "ada@example.com", "bob@example.com")


class Canaries(logging.Handler):
    """Collects the records that hold a secret; `leaks` names logger and kind, never the secret."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._tokens: set[str] = set()
        self._leaks: list[str] = []
        self._mutex = threading.Lock()

    def watch(self) -> None:
        """Listen to all loggers, and to every fake server for its tokens."""
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
            logging.getLogger(name).addHandler(self)
        issue = FakeAuthServer._pair

        def issued(server: FakeAuthServer, family: Any) -> dict[str, str]:
            pair = issue(server, family)
            with self._mutex:
                self._tokens.update(pair.values())
            return pair

        FakeAuthServer._pair = issued  # type: ignore[method-assign,assignment]

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        kinds = ["a JWT"] * bool(_JWT.search(text))
        kinds += ["a refresh token"] * any(word in self._tokens for word in _WORD.findall(text))
        kinds += [f"{secret!r}" for secret in _ALWAYS if secret in text]
        with self._mutex:
            self._leaks += [f"{record.name} logged {kind}" for kind in kinds]

    def taken(self) -> list[str]:
        """Return what leaked since the last look."""
        with self._mutex:
            leaks, self._leaks = self._leaks, []
        return leaks
