"""Reads the stored pair all the time, as any process of the user may, and finds it whole or says so."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from signedin import TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Watcher:
    """Counts reads, torn contents, and generations that went back."""

    generation: Callable[[], int]  # reads it
    reads: int = 0
    torn: list[str] = field(default_factory=list)
    backwards: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)

    def _watch(self) -> None:
        last = 0
        while not self._over.is_set():
            try:
                read = self.generation()
            except (OSError, ValueError, KeyError, TypeError, TokenStoreError) as error:
                self.torn.append(f"{type(error).__name__}: {error}")
            else:
                self.backwards += read < last
                last = read
                self.reads += 1
            time.sleep(0.003)
