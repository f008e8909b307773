"""Tokens in the user's keyring: macOS Keychain, Secret Service, Windows Credential Manager. The extra is `keyring`.

A keyring has no compare-and-set: it is made here, under the locks of `_locks`. Nor has it a bound of its own, and may
wait for its user for ever: a thread does the waiting. How entries look stands in `_entries`.
"""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from signedin.errors import ConfigurationError, TokenStoreError
from signedin.protocols import Stored, first_revision
from signedin.stores._entries import Entries
from signedin.stores._locks import SideFiles
from signedin.stores.file import absolute, default_path

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

T = TypeVar("T")
_Damaged = Callable[[Entries, str, str], TokenStoreError]  # what to do with an entry, its key and why


class KeyringStore:
    """Keep tokens in the keyring of this user, one entry per session, for every process of this user on this machine.

    `service` is the name that the keyring shows. `backend`: a keyring other than the one that the `keyring` library
    finds. `folder`: where the lock files stand, by default the user's state folder; they hold no secret. `patience`:
    seconds after which a keyring that does not answer (locked, or asking its user) is a `TokenStoreError`.
    """

    private = False

    def __init__(
        self,
        service: str = "signedin",
        *,
        backend: KeyringBackend | None = None,
        folder: str | os.PathLike[str] | None = None,
        patience: float = 5.0,
    ) -> None:
        _demand_the_extra()
        if not service.isprintable() or not service or "/" in service:
            raise ConfigurationError(f"A keyring service is a printable name without a slash, not {service!r}.")
        self._service = service
        self._backend = backend
        self._patience = patience
        self._folder = absolute("folder", folder) if folder is not None else default_path().parent
        name = f"keyring-{hashlib.sha256(service.encode()).hexdigest()[:16]}"
        # Shorter than the patience of our caller, who then hears the true reason.
        self._locks = SideFiles(self._folder / name, patience=patience * 0.8)
        self._worker = Worker()

    def __repr__(self) -> str:
        return f"KeyringStore({self._service!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return partial(
            type(self), self._service, backend=self._backend, folder=self._folder, patience=self._patience
        ), ()

    def load(self, key: str) -> Stored | None:
        """Return what was last written under `key`."""
        return self._bounded("read", lambda: self._load(key, damaged=self._set_aside))

    def peek(self, key: str) -> Stored | None:
        """Return what was last written under `key`, and move nothing aside: for a look that changes nothing."""
        return self._bounded("read", lambda: self._load(key, damaged=self._left))

    def compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        """Write `data` if the revision under `key` is still the expected one; in the keyring when it returns True."""
        return self._bounded("write", lambda: self._compare_and_set(key, expected_revision, data))

    def try_lock(self, key: str, owner: str, seconds: float) -> bool:  # noqa: ARG002 -- the kernel sees holders end
        """Take the refresh lock of `key`, unless anybody else has it."""
        with _lock_trouble():
            return self._locks.try_lock(key, owner)

    def unlock(self, key: str, owner: str) -> None:
        """Give the refresh lock back."""
        self._locks.unlock(key, owner)

    def lock_holder(self, key: str) -> str | None:
        """Return who holds the refresh lock of `key`, in words; None if nobody does."""
        with _lock_trouble():
            return self._locks.holder(key)

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's thread and locks."""
        self._worker = Worker()
        self._locks.after_fork()

    def close(self) -> None:
        """Let the thread end when it has done what it is at; a later call starts another."""
        self._worker = Worker()

    # ------------------------------------------------------------------------------------------- in the worker's thread

    def _load(self, key: str, damaged: _Damaged) -> Stored | None:
        entries = self._entries()
        try:
            return entries.read(key)
        except ValueError:
            # Damaged, or read between the parts of somebody's write: the lock tells.
            with self._locks.writing():
                return self._sound(entries, key, damaged)

    def _compare_and_set(self, key: str, expected_revision: int, data: bytes) -> bool:
        entries = self._entries()
        # Held until the keyring has answered, also when our caller has given up: a late write must find nobody's newer.
        with self._locks.writing():
            current = self._sound(entries, key, self._set_aside)
            if (current.revision if current else 0) != expected_revision:
                return False
            entries.write(key, Stored(expected_revision + 1 if expected_revision else first_revision(), data))
            return True

    def _sound(self, entries: Entries, key: str, damaged: _Damaged) -> Stored | None:
        """Return the entry. Under the write lock."""
        try:
            return entries.read(key)
        except ValueError as error:
            why = str(error)
        raise damaged(entries, key, why)

    def _set_aside(self, entries: Entries, key: str, why: str) -> TokenStoreError:
        aside = entries.set_aside(key)
        return TokenStoreError(
            f"The keyring entry {key!r} of {self._service!r} was damaged ({why}). It was moved to the service "
            f"{aside!r}; nothing is lost. Sign in again."
        )

    def _left(self, _entries: Entries, key: str, why: str) -> TokenStoreError:
        return TokenStoreError(
            f"The keyring entry {key!r} of {self._service!r} is damaged ({why}). Nothing was changed; the next use "
            "moves it aside. Sign in again then."
        )

    def _entries(self) -> Entries:
        import keyring
        import keyring.backends.fail
        import keyring.backends.null

        try:
            backend = self._backend or keyring.get_keyring()
        except Exception as error:  # noqa: BLE001 -- whatever the import of a backend raises
            raise TokenStoreError(
                f"The keyring library cannot load its backend ({type(error).__name__}); nothing was stored. Look at "
                "PYTHON_KEYRING_BACKEND and keyringrc.cfg, or use FileStore."
            ) from None
        if isinstance(backend, keyring.backends.fail.Keyring | keyring.backends.null.Keyring):
            raise TokenStoreError(
                "This system offers no keyring that keeps anything; nothing was stored. Start one (on Linux a Secret "
                "Service such as gnome-keyring), install a backend of the keyring library, or use FileStore."
            )
        return Entries(backend, self._service)

    # ---------------------------------------------------------------------------------------------------- the bound

    def _bounded(self, verb: str, work: Callable[[], T]) -> T:
        try:
            return self._worker.run(work, self._patience)
        except TokenStoreError:
            raise
        except HangingError:
            failure = f"has not answered for {self._patience:g} s; it may be locked, or ask its user something"
        except Exception as error:  # noqa: BLE001 -- backends raise what they like
            failure = f"failed ({_reason(error)})"
        # Outside of the handler: the frames below held the record in clear.
        kept = "the entry is as it was" if verb == "read" else "the entry is as it was, or new as a whole"
        raise TokenStoreError(
            f"Cannot {verb} the tokens of {self._service!r}: the keyring {failure}. Unlock it and try again; {kept}."
        )


def _demand_the_extra() -> None:
    try:
        import keyring  # noqa: F401 -- only whether it is there
    except ImportError:
        raise ConfigurationError("KeyringStore needs the keyring library: pip install signedin[keyring]") from None


def _reason(error: Exception) -> str:
    from keyring.errors import KeyringError

    # Only these are known to quote no secret.
    text = str(error) if isinstance(error, KeyringError | OSError) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextlib.contextmanager
def _lock_trouble() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TokenStoreError(
            f"Cannot lock the keyring's entries: {error.strerror} ({error.filename}). The tokens were left as they are."
        ) from error


# ------------------------------------------------------------------------------------------------------- the thread


class HangingError(Exception):
    """The worker did not come back in time."""


class Worker:
    """One thread that a keyring may block; whoever waits for it does so only so long.

    A daemon, so that a keyring that hangs keeps no process alive. One job at a time: not every backend bears two.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = False  # guarded by _mutex
        self._mutex = threading.Lock()

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """Return what `work` returns, or raise what it raises.

        Raises:
            HangingError: It has not come back; if it was not begun, it never will be.
        """
        future: Future[T] = Future()
        self._start()
        self._jobs.put((work, future))
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # the work's own
                raise
            future.cancel()
        raise HangingError

    def _start(self) -> None:
        with self._mutex:
            if not self._started:
                threading.Thread(target=_work, args=(self._jobs,), name="signedin-keyring", daemon=True).start()
                weakref.finalize(self, self._jobs.put, None)
                self._started = True


_Job = tuple[Callable[[], Any], "Future[Any]"]


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        work, future = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
                future.set_exception(error)
        del job, work, future  # a record waits here for the next job otherwise
