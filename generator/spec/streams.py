"""Answers that arrive item by item: events, lines of JSON. Here they become answers of one item, marked as a stream.

OpenAPI 3.2 calls the item `itemSchema`, which neither the validator of 3.1 nor openapi-python-client reads; older
documents write the item, a list of items or any text as `schema`.
"""

from collections.abc import Iterator
from typing import Any, Final

STREAM: Final = "x-signedin-stream"
_EVENTS: Final = "text/event-stream"
_LINES: Final = ("application/jsonl", "application/x-jsonl", "application/ndjson", "application/x-ndjson")
_KINDS: Final = {_EVENTS: "events", **dict.fromkeys(_LINES, "lines"), "application/json-seq": "sequence"}
EVENTS: Final = frozenset({"events", "texts"})  # of JSON, of any text
# What WHATWG's event stream has beside `data`; a schema with other properties describes the data itself.
_EVENT: Final = frozenset({"comment", "data", "event", "id", "retry"})


def is_stream(kind: str) -> bool:
    """Say whether bodies of this media type are items, one after another."""
    return kind in _KINDS


def streams(data: dict[str, Any]) -> None:
    """Describe each stream by its item, in place."""
    for content in list(_contents(data)):
        kinds = {name: name.partition(";")[0].strip().lower() for name in content}
        for name in [name for name in content if is_stream(kinds[name]) and isinstance(content[name], dict)]:
            media = content[name]
            kind, item = _item(data, _KINDS[kinds[name]], media)
            rest = {key: each for key, each in media.items() if key not in {"itemSchema", "schema"}}
            content[name] = {**rest, "schema": item, STREAM: kind}


def only_streams(data: dict[str, Any]) -> None:
    """Write streams as JSON, which is how one item is read, in place; an answer that may be plain JSON is that."""
    for content in list(_contents(data)):
        marked = [name for name, media in content.items() if isinstance(media, dict) and STREAM in media]
        others = [name for name in content if name not in marked]
        if marked and not others:
            media = content[marked[0]]
            content.clear()
            content["application/json"] = {**media, STREAM: [media[STREAM], marked[0]]}


def stream_of(answer: Any) -> tuple[str, str] | None:
    """Return how the items of an answer of `only_streams` are written, and its media type; None if it is no stream."""
    match answer:
        case {"content": {"application/json": {"x-signedin-stream": [str(kind), str(media_type)]}}}:
            return kind, media_type
    return None


def _contents(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the contents of the successes."""
    paths, components = data.get("paths"), data.get("components")
    items = paths.values() if isinstance(paths, dict) else ()
    nodes = [node for item in items if isinstance(item, dict) for node in item.values() if isinstance(node, dict)]
    answers = [node.get("responses") for node in nodes]
    successes = [each for node in answers if isinstance(node, dict) for key, each in node.items() if key[:1] == "2"]
    shared = components.get("responses") if isinstance(components, dict) else None
    for answer in [*successes, *(shared.values() if isinstance(shared, dict) else ())]:
        if isinstance(answer, dict) and isinstance(content := answer.get("content"), dict):
            yield content


def _item(data: dict[str, Any], kind: str, media: dict[str, Any]) -> tuple[str, Any]:
    """Return how an item is written and its schema; of an event, the schema of its data."""
    item = media.get("itemSchema", media.get("schema", {}))
    schema = _resolved(data, item)
    if "itemSchema" not in media and schema.get("type") == "array":
        item = schema.get("items", {})
        schema = _resolved(data, item)
    is_text = schema.keys() <= {"description", "example", "examples", "format", "title", "type"} and schema.get(
        "type", "string"
    ) in {"string", None}
    if kind != "events":
        return kind, {} if is_text and "itemSchema" not in media else item
    payloads = list(_payloads(data, item, schema))
    if is_text or any(payload is None for payload in payloads):
        return "texts", {"type": "string"}
    return kind, payloads[0] if len(payloads) == 1 else {"oneOf": payloads}


def _payloads(data: dict[str, Any], item: Any, schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the schemas of the JSON that the data of an event may be; None where it may be any text."""
    members = [each for key in ("oneOf", "anyOf") for each in schema.get(key) or []]
    if members and all(_is_event(_resolved(data, each)) for each in members):
        for each in members:
            yield from _payloads(data, each, _resolved(data, each))
    elif not _is_event(schema):
        yield item
    else:
        payload = schema["properties"]["data"]
        resolved = _resolved(data, payload)
        if "contentSchema" in resolved:
            yield resolved["contentSchema"]
        elif "json" in str(resolved.get("contentMediaType")):
            yield {}
        else:
            yield None if resolved.get("type", "string") == "string" else payload


def _is_event(schema: dict[str, Any]) -> bool:
    properties = schema.get("properties")
    return isinstance(properties, dict) and "data" in properties and properties.keys() <= _EVENT


def _resolved(data: Any, node: Any, times: int = 20) -> dict[str, Any]:
    while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str) and (times := times - 1):
        target = data
        for step in reference.removeprefix("#/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901
            target = target.get(step) if isinstance(target, dict) else None
        node = target
    return node if isinstance(node, dict) else {}
