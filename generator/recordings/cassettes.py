"""Recorded answers held against the spec: what the contract does not know any more is stale.

Reads what vcrpy writes (version 1); `exchange` judges. Whether the recording is free of secrets and covers enough is
for its recorder.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from generator.recordings.exchange import Exchange, Message, problems
from generator.spec.document import Document


def stale(document: Document, folder: Path) -> list[str]:
    """Return what in the recordings is not as the spec says, a line for each."""
    return list(
        dict.fromkeys(line for path in sorted(folder.rglob("*.yaml")) for line in _file(document, folder, path))
    )


def _file(document: Document, folder: Path, path: Path) -> Iterator[str]:
    name = f"stale cassette: {path.relative_to(folder).as_posix()}"
    try:
        interactions = YAML(typ="safe").load(path)["interactions"]
        exchanges = [_exchange(each["request"], each["response"]) for each in interactions]
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        yield f"{name}: no cassette ({type(error).__name__})"
        return
    yield from (f"{name}: {line}" for each in exchanges for line in problems(document, each))


def _exchange(request: dict[str, Any], response: dict[str, Any]) -> Exchange:
    sent = Message(_headers(request), request.get("body") or "")
    answer = Message(_headers(response), response["body"]["string"])
    return Exchange(request["method"], request["uri"], sent, int(response["status"]["code"]), answer)


def _headers(node: dict[str, Any]) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in node["headers"].items()}
