"""Tokens in the user's keyring: macOS Keychain, Secret Service, Windows Credential Manager. The extra is `keyring`.

A keyring has no compare-and-set: it is made here, under the locks of `_locks`. Nor has it a bound of its own, and may
wait for its user for ever: a thread does the waiting. How entries look stands in `_entries`.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from signedin.errors import ConfigurationError, TokenStoreError
from signedin.protocols import Stored, first_revision
from signedin.stores._entries import Entries
from signedin.stores._locks import Locking, SideFiles
from signedin.stores.file import absolute, default_path

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend

T = TypeVar("T")
_Damaged = Callable[[Entries, str, str], TokenStoreError]  # what to do with an entry, its key and why


class KeyringStore(Locking):
    """Keep tokens in the keyring of this user, one entry per session, for every process of this user on this machine.

    `service` is the name that the keyring shows. `backend`: a keyring other than the one that the `keyring` library
    finds. `folder`: where the lock files stand, by default the user's state folder; they hold no secret. `patience`:
    seconds after which a keyring that does not answer (locked, or asking its user) is a `TokenStoreError`.
    """

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
        self._turn = threading.Lock()  # of the thread that asks the keyring: not every backend bears two

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

    def after_fork(self) -> None:
        """Forget, in a forked child, the parent's thread and locks."""
        self._turn = threading.Lock()
        super().after_fork()

    # -------------------------------------------------------------------------------------------------- in its thread

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
        # Held until the keyring has answered, though our caller may not wait: a late write must find nobody's newer.
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

    @contextlib.contextmanager
    def _trouble(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TokenStoreError(
                f"Cannot {verb} the keyring's entries: {error.strerror} ({error.filename}). The tokens were left as "
                "they are."
            ) from error

    # ---------------------------------------------------------------------------------------------------- the bound

    def _bounded(self, verb: str, work: Callable[[], T]) -> T:
        future: Future[T] = Future()
        try:
            # A daemon, so that a keyring that hangs keeps no process alive.
            threading.Thread(target=self._do, args=(work, future), name="signedin-keyring", daemon=True).start()
        except RuntimeError:  # the process ends, or the system has no thread left: then without the bound
            self._do(work, future)
        try:
            return future.result(self._patience)
        except TokenStoreError:
            raise
        except Exception as error:  # noqa: BLE001 -- backends raise what they like
            failure = f"failed ({_reason(error)})"
        if not future.done():
            future.cancel()  # if it was not begun, it never will be
            failure = f"has not answered for {self._patience:g} s; it may be locked, or ask its user something"
        # Outside of the handler: the frames below held the record in clear.
        state = "the entry is as it was" if verb == "read" else "the entry is as it was, or new as a whole"
        raise TokenStoreError(
            f"Cannot {verb} the tokens of {self._service!r}: the keyring {failure}. Unlock it and try again; {state}."
        )

    def _do(self, work: Callable[[], T], future: Future[T]) -> None:
        turn = self._turn
        if not turn.acquire(timeout=10 * self._patience):
            return  # a keyring that hangs for long collects no threads
        try:
            if future.set_running_or_notify_cancel():  # else the caller waits no longer
                future.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
            future.set_exception(error)
        finally:
            turn.release()


def _demand_the_extra() -> None:
    try:
        import keyring  # noqa: F401 # pyright: ignore[reportUnusedImport] -- only whether it is there
    except ImportError:
        raise ConfigurationError("KeyringStore needs the keyring library: pip install signedin[keyring]") from None


def _reason(error: Exception) -> str:
    from keyring.errors import KeyringError

    # Only these quote no secret.
    text = str(error) if isinstance(error, KeyringError | OSError) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
