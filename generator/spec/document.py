"""The spec as data: its bytes, plain JSON values, and the line of every node.

Reads YAML and JSON and judges nothing but that. `operations` gives the data meaning, `lint` judges it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from attrs import define, field
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from generator.errors import SpecError
from generator.spec.schemas import binary_contents, named_by_components, plain_booleans, schemas, upper_ranges
from generator.spec.streams import streams

Pointer = tuple[str, ...]

# Aliases let a file of a kilobyte stand for gigabytes; a spec is untrusted input.
_MOST_NODES: Final = 500_000
_DEEPEST: Final = 100


@define(frozen=True, eq=False)
class Overlaid:
    """What overlays changed: their documents in order, where each changed part stands there, and idle actions."""

    documents: tuple["Document", ...]
    parts: Mapping[Pointer, tuple["Document", Pointer]]
    idle: tuple[tuple["Document", Pointer], ...]


@define(frozen=True, eq=False)
class Document:
    """A spec that could be read."""

    path: Path
    content: bytes = field(repr=False)
    data: dict[str, Any] = field(repr=False)
    referred: Mapping[str, bytes] = field(factory=dict, repr=False)  # files that stand in `data` by now
    _origin: "Document | None" = field(default=None, repr=False)
    _overlaid: Overlaid | None = field(default=None, repr=False)

    def changed(self, data: dict[str, Any], referred: Mapping[str, bytes] | None = None) -> "Document":
        """Return a document of other data; its lines are still those of the file."""
        return Document(self.path, self.content, data, referred or self.referred, self._origin or self)

    def with_overlays(self, data: dict[str, Any], overlaid: Overlaid) -> "Document":
        """Return a document of what overlays made of this one."""
        return Document(self.path, self.content, data, self.referred, self._origin, overlaid)

    @property
    def overlaid(self) -> Overlaid | None:
        """Return what overlays changed."""
        return self._overlaid if self._origin is None else self._origin.overlaid

    @cached_property
    def _lines(self) -> Mapping[Pointer, int]:
        # Read only when something is wrong: it takes as long as all the rules.
        text = self.content.decode("utf-8-sig")
        if _is_json(self.path):
            # YAML forbids tabs as indentation. A line of JSON never begins inside a string.
            text = re.sub(r"(?m)^[ \t]+", lambda indent: " " * len(indent[0]), text)
        try:
            return _lines(_yaml().compose(text))
        except YAMLError:  # JSON that is no YAML
            return {}

    @cached_property
    def nodes(self) -> tuple[tuple[Pointer, dict[str, Any]], ...]:
        """Every mapping in the document with its pointer."""
        return tuple(_nodes(self.data, ()))

    @cached_property
    def schemas(self) -> tuple[tuple[Pointer, Any], ...]:
        """Every schema in the document with its pointer."""
        return tuple(schemas(self.data))

    def line(self, pointer: Pointer) -> int:
        """Return the line of a node, or of the nearest one around it."""
        return self.where(pointer)[1]

    def where(self, pointer: Pointer) -> tuple[Path | None, int]:
        """Return the line of a node, or of the nearest one around it; with the file, if it is an overlay."""
        if self._origin is not None:
            return self._origin.where(pointer)
        parts = self._overlaid.parts if self._overlaid else {}
        around = pointer
        while around and around not in parts and around not in self._lines:
            around = around[:-1]
        if around in parts:
            overlay, place = parts[around]
            return overlay.path, overlay.line((*place, *pointer[len(around) :]))
        return None, self._lines.get(around, 1)

    def resolve(self, node: object) -> Any:
        """Follow local references; a node that leads nowhere is None."""
        seen: set[str] = set()
        while isinstance(node, dict) and isinstance(reference := node.get("$ref"), str):
            if reference in seen or not reference.startswith("#/"):
                return None
            seen.add(reference)
            node = self.at(pointer_of(reference))
        return node

    def at(self, pointer: Pointer) -> Any:
        """Return the node at a pointer, None if there is none."""
        node: Any = self.data
        for step in pointer:
            if isinstance(node, dict):
                node = node.get(step)
            elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            else:
                return None
        return node


def pointer_of(reference: str) -> Pointer:
    """Split a local reference into its steps (RFC 6901)."""
    steps = unquote(reference.removeprefix("#/")).split("/")  # a fragment is percent-encoded (RFC 6901, section 6)
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def load(path: Path) -> Document:
    """Read a spec.

    Raises:
        SpecError: There is no such file, or it holds no YAML or JSON object.
    """
    document = read(path, "OpenAPI document")
    normalize(document.data)
    return document


def normalize(data: dict[str, Any]) -> None:
    """Write in one way, in place, what a spec may write in several."""
    if not str(data.get("openapi")).startswith("3.0"):  # which has no boolean schemas
        plain_booleans(data)
    named_by_components(data)
    upper_ranges(data)
    streams(data)
    binary_contents(data)


def read(path: Path, kind: str) -> Document:
    """Read a file of YAML or JSON.

    Raises:
        SpecError: There is no such file, or it holds no object.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: is not UTF-8 (byte {error.start}).") from error
    data = _parse(path, text)
    if not isinstance(data, dict):
        raise SpecError(f"{path}: holds no {kind}, its top level is no mapping.")
    return Document(path, content, data)


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _parse(path: Path, text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_unique) if _is_json(path) else _yaml().load(text)
        return _Plain().value(value)
    except RecursionError as error:
        raise SpecError(f"{path}: is nested too deeply, or contains itself.") from error
    except (YAMLError, ValueError) as error:
        raise SpecError(f"{path}: {_told(error)}") from error


class _Texts(SafeConstructor):
    """Reads dates as texts, as JSON has them: an unquoted example may be no day of any year."""


_Texts.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Texts
    return yaml


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError(f"a key stands twice in an object: {', '.join(key for key, _ in pairs)}.")
    return mapping


def _told(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: is no valid YAML: {error.problem}."
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: is no valid JSON: {error.msg}."
    return f"{error}"


class _Plain:
    """Copies what YAML read as JSON values, counting."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def value(self, value: object, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise ValueError("is too large, or nested too deeply: aliases that multiply?")
        match value:
            case dict():
                return {self._key(key): self.value(item, depth + 1) for key, item in value.items()}
            case list():
                return [self.value(item, depth + 1) for item in value]
            case None | bool() | int() | float() | str():
                return value
        raise ValueError(f"holds a {type(value).__name__}, which JSON does not know.")

    @staticmethod
    def _key(key: object) -> str:
        if isinstance(key, bool) or not isinstance(key, str | int):  # int: an unquoted status
            raise ValueError(f"the key {key!r} is no string; quote it.")  # noqa: TRY004  (a fault like any other)
        return str(key)


def _nodes(node: object, pointer: Pointer) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    waiting: list[tuple[Pointer, object]] = [(pointer, node)]
    while waiting:
        pointer, node = waiting.pop()
        if isinstance(node, dict):
            yield pointer, node
            waiting.extend(((*pointer, key), value) for key, value in node.items())
        elif isinstance(node, list):
            waiting.extend(((*pointer, str(index)), value) for index, value in enumerate(node))


def _lines(root: Node | None) -> dict[Pointer, int]:
    lines: dict[Pointer, int] = {}
    waiting: list[tuple[Pointer, Node | None]] = [((), root)]
    while waiting and len(lines) < _MOST_NODES:
        pointer, node = waiting.pop()
        if node is None:
            continue
        lines.setdefault(pointer, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            for key, value in node.value:
                here = (*pointer, str(key.value))
                lines[here] = key.start_mark.line + 1
                waiting.append((here, value))
        elif isinstance(node, SequenceNode):
            waiting.extend(((*pointer, str(index)), item) for index, item in enumerate(node.value))
    return lines
