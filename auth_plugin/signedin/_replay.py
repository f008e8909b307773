"""May a request be sent twice? Its body says: in memory, rewindable, or gone once it was read.

httpx itself replays `content=open(...)` and `content=BytesIO(...)` as nothing at all, and a generator not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable


class Body(Protocol):
    """What the plan wants to know of a request's body."""

    @property
    def replayable(self) -> bool: ...

    def rewind(self) -> None: ...


class Buffered:
    """In memory as bytes, or made of files that httpx itself reads from their start each time."""

    replayable = True

    def rewind(self) -> None:
        """Do nothing: it starts anew by itself."""


class Rewindable(NamedTuple):
    """A file-like object: back to where it stood before the first sending."""

    position: int
    seek: Callable[[int], object]
    replayable: bool = True

    def rewind(self) -> None:
        """Put the file back to where the first sending began."""
        self.seek(self.position)


class OneShot:
    """A generator, a pipe, an unknown stream: what was read is gone."""

    replayable = False

    def rewind(self) -> None:
        """Do nothing: it is never sent again."""


def body_of(request: httpx.Request) -> Body:
    """Classify a request's body before it is sent for the first time; whatever is unknown is taken for one-shot."""
    stream: Any = request.stream
    if isinstance(stream, httpx.ByteStream):
        return Buffered()
    if type(stream).__module__.partition(".")[0] != httpx.__name__:
        return OneShot()  # a stream of the user's own may look like httpx's, and still give its content only once
    if (fields := getattr(stream, "fields", None)) is not None:  # httpx's multipart stream
        rewindable = all(_restarts(getattr(field, "file", b"")) for field in fields)
        return Buffered() if rewindable else OneShot()
    source = getattr(stream, "_stream", None)  # what was given as `content`; httpx has no public name for it
    position = _position(source)
    return Rewindable(position, source.seek) if source is not None and position is not None else OneShot()


def _restarts(file: object) -> bool:
    # httpx seeks a multipart file to 0 before each sending.
    return isinstance(file, str | bytes) or _position(file) is not None


def _position(source: Any) -> int | None:
    if hasattr(source, "__aiter__"):
        return None  # an async file (anyio, trio, aiofiles): its `seek` and `tell` do nothing until they are awaited
    try:
        if source.seekable():
            position: int = source.tell()
            return position
    except (AttributeError, OSError, ValueError):
        return None
    return None
