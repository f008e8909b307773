"""Logs as JSON lines on stderr. An exception has its type and place there, not its text, which may quote a value."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import PurePath


class JsonLines(logging.Formatter):
    """One record, one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _described(record.exc_info[1])
        return json.dumps(line, default=str)


def _described(exception: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(exception.__traceback__)
    places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    cause = exception.__cause__ or exception.__context__
    return {"type": type(exception).__name__, "at": places, **({"cause": _described(cause)} if cause else {})}


def configure() -> None:
    """Send every logger's records to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # It logs its own steps at INFO.
    # uvicorn's command gives its loggers handlers of their own, whose lines are no JSON.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether uvicorn says something that `Protocol` does not say better, with the request's id."""
    # Of an upgrade that is not offered the request's own line says all.
    idle = (
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "No supported WebSocket library detected.",
    )
    return not record.getMessage().startswith(idle)
