"""Canaries for the whole suite: no token, password or e-mail of a test in what a program shows of itself.

Watched in every test: all logs down to DEBUG, httpcore's too; the text, the pickle and the frames of each error that a
test expects; each event; the sessions that are left. Every token that a fake server hands out is remembered; JWTs are
known by their shape, whoever issued them.
"""

from __future__ import annotations

import functools
import logging
import pickle
import re
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import signedin
import signedin_sdk
from signedin import SignedInError, TokenSession, errors
from signedin._events import Events
from signedin.testing import FakeAuthServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from signedin.protocols import EventName

LOGGERS: Final = ("signedin", "httpx", "httpcore", "signedin_backend")
_OURS: Final = tuple(str(Path(str(package.__file__)).parent) for package in (signedin, signedin_sdk))
_JWT: Final = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.")
_WORD: Final = re.compile(r"[\w-]{20,}")
SETTING: Final = "the client secret of a test"
_ALWAYS: Final = ("correct horse battery staple", "ada@example.com", "bob@example.com", SETTING)


class Canaries(logging.Handler):
    """Collects what holds a secret; `taken` names the place and the kind, never the secret."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._tokens: set[str] = set()
        self._sessions: weakref.WeakSet[TokenSession] = weakref.WeakSet()
        self._leaks: list[str] = []
        self._mutex = threading.Lock()

    def watch(self) -> None:
        """Listen to all loggers, events and expected errors, and to every fake server for its tokens."""
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
            logging.getLogger(name).addHandler(self)
        self._watch_tokens()
        self._watch_sessions()
        self._watch_events()
        self._watch_errors()

    def emit(self, record: logging.LogRecord) -> None:
        self.search(f"{record.name} logged", self.format(record))

    def search(self, place: str, text: str) -> None:
        """Note the secrets in a text."""
        kinds = ["a JWT"] * bool(_JWT.search(text))
        kinds += ["a refresh token"] * any(word in self._tokens for word in _WORD.findall(text))
        kinds += [f"{secret!r}" for secret in _ALWAYS if secret in text]
        with self._mutex:
            self._leaks += [f"{place} {kind}" for kind in kinds]

    def look_at(self, error: BaseException) -> None:
        """Search an error of ours: its text, its pickle, what led to it, and the locals of our frames."""
        for link in _chain(error):
            name = type(link).__name__
            self.search(f"the text of {name} shows", f"{link!r} {link}")
            for frame in _our_frames(link):
                where = f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"
                for variable, value in frame.f_locals.items():
                    self.search(f"{where}: {variable}, below {name}, shows", _shown(value))
        if type(error).__module__ == errors.__name__:  # a test's own may be of a class that no pickle finds
            self.search(f"the pickle of {type(error).__name__} holds", pickle.dumps(error).decode("latin-1"))

    def look_at_sessions(self) -> None:
        """Search what each session that is left shows of itself."""
        for session in list(self._sessions):
            held = session._renewal.held
            shown = [session, session.store, session._renewal.refresher, held, held and held.record]
            self.search("a session shows", f"{shown!r} {[str(part) for part in shown]}")

    def taken(self) -> list[str]:
        """Return what leaked since the last look."""
        with self._mutex:
            leaks, self._leaks = self._leaks, []
        return leaks

    # ----------------------------------------------------------------------------------------------------- where from

    def _watch_tokens(self) -> None:
        issue = FakeAuthServer._tokens

        def issued(server: FakeAuthServer, response: Any, family: Any, **options: Any) -> Any:
            answer = issue(server, response, family, **options)
            with self._mutex:
                self._tokens.update(server._claims, (family.current, family.carried))
            return answer

        FakeAuthServer._tokens = issued  # type: ignore[method-assign,assignment]

    def _watch_sessions(self) -> None:
        begin = TokenSession.__init__

        @functools.wraps(begin)
        def begun(session: TokenSession, *args: Any, **options: Any) -> None:
            begin(session, *args, **options)
            self._sessions.add(session)

        TokenSession.__init__ = begun  # type: ignore[method-assign,assignment]

    def _watch_events(self) -> None:
        add = Events.add

        def noting(events: Events, name: EventName, generation: int | None, **details: object) -> None:
            self.search(f"the event {name} tells", repr((events._key, details)))
            add(events, name, generation, **details)

        Events.add = noting  # type: ignore[method-assign,assignment]

    def _watch_errors(self) -> None:
        expected: Any = type(pytest.raises(Exception))  # noqa: PT010, B017, RUF100 -- only its class is wanted
        leave = expected.__exit__

        def left(context: Any, kind: Any, error: BaseException | None, trace: Any) -> Any:
            passed = leave(context, kind, error, trace)
            if isinstance(error, SignedInError):
                self.look_at(error)
            return passed

        expected.__exit__ = left


def _shown(value: object) -> str:
    try:
        return repr(value)
    except AttributeError:  # an object whose own __init__ is on this very traceback
        return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _our_frames(error: BaseException) -> Iterator[FrameType]:
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.startswith(_OURS):
            yield step.tb_frame
        step = step.tb_next
