"""The operations of the spec: each of them, in the vocabulary of `signedin_sdk.types.Operation`."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Literal

from attrs import define, field
from openapi_python_client.strings import PythonIdentifier

from generator.spec.document import Document, Pointer
from generator.spec.naming import FIELD_PREFIX, method_names
from generator.spec.schemas import is_bytes, is_text, kind_of
from generator.spec.streams import stream_of

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
WIRE_NAME: Final = "x-signedin-wire-name"

_JSON: Final = re.compile(r"application/(.*\+)?json", re.IGNORECASE)
_DELIMITERS: Final = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}

Auth = Literal["required", "optional", "none"]


@define(frozen=True)
class OperationFacts:
    """One operation as the spec has it; every string in it but `module`, its method's name, is untrusted."""

    id: str
    method: str
    path: str
    module: str
    pointer: Pointer
    node: dict[str, Any] = field(repr=False, eq=False)

    @property
    def tag(self) -> str:
        """Return the first tag: the resource that the operation becomes a method of."""
        return _tag(self.node)

    @property
    def auth(self) -> Auth:
        """Say whether `security` demands, accepts or knows no authentication."""
        security = self.node.get("security")
        if not isinstance(security, list) or not any(security):
            return "none"
        return "required" if all(security) else "optional"

    @property
    def effect(self) -> str | None:
        """Return what the answer does to tokens: issues, revokes, or nothing."""
        tokens = self.node.get("x-signedin-tokens")
        return tokens.get("effect") if isinstance(tokens, dict) else None

    @property
    def deprecated(self) -> bool:
        """Say whether the spec asks not to use it any more."""
        return self.node.get("deprecated") is True

    def parameters(self, document: Document) -> Iterator[dict[str, Any]]:
        """Yield the parameters of the path, then its own, which override them."""
        for owner in (self.pointer[:-1], self.pointer):
            for node in (document.at(owner) or {}).get("parameters") or []:
                yield document.resolve(node) or {}

    def described(self, document: Document) -> dict[tuple[str, str], str]:
        """Return what the spec says about the parameters, by where they stand and their name."""
        texts = {}
        for parameter in self.parameters(document):
            if description := parameter.get("description"):
                texts[str(parameter.get("in")), str(parameter.get("name"))] = str(description)
        return texts

    def aliases(self, document: Document) -> dict[str, str]:
        """Return the names on the wire of the parameters that `rewrite` has named in another way."""
        parameters = (each for each in self.parameters(document) if WIRE_NAME in each)
        return {str(each.get("name")): str(each[WIRE_NAME]) for each in parameters}

    def accepts(self, document: Document) -> str | None:
        """Return the media type that a success is read as, where the server could answer in another."""
        if streams := self.streams(document):
            return next(media_type for _, media_type in streams.values())
        for status, node in (self.node.get("responses") or {}).items():
            content = list((document.resolve(node) or {}).get("content") or {})
            if status.startswith("2") and len(content) > 1:
                return next((kind for kind in content if _is_read(kind)), None)
        return None

    def streams(self, document: Document) -> dict[str, tuple[str, str]]:
        """Return how the items of a success are written, and its media type, by its status."""
        answers = {status: document.resolve(node) for status, node in (self.node.get("responses") or {}).items()}
        return {key: stream for key, each in answers.items() if key[:1] == "2" and (stream := stream_of(each))}

    def styles(self, document: Document) -> dict[str, str]:
        """Return how a list or an object of the query is written, where it is not `name=a&name=b`: the delimiter."""
        styles = {}
        for each in self.parameters(document):
            style = each.get("style", "form")
            if each.get("in") == "query" and (style == "deepObject" or not each.get("explode", style == "form")):
                styles[str(each.get("name"))] = _DELIMITERS.get(style, style)
        return styles

    def parts(self, document: Document) -> dict[str, str]:
        """Return the media types of the texts of a form of parts that are sent as another than `text/plain`."""
        body = document.resolve(self.node.get("requestBody")) or {}
        encodings = ((body.get("content") or {}).get("multipart/form-data") or {}).get("encoding") or {}
        kinds = {name: kind_of(str(each.get("contentType"))) for name, each in encodings.items()}
        return {name: kind for name, kind in kinds.items() if kind and "*" not in kind and not _JSON.match(kind)}

    def examples(self, document: Document) -> dict[str, Any]:
        """Return the examples of the parameters and of the body's properties, by their Python names."""
        examples = {str(each.get("name")): _example(each) for each in self.parameters(document)}
        body = document.resolve(self.node.get("requestBody")) or {}
        for media in (body.get("content") or {}).values():
            fields = _example(media) or _example(document.resolve(media.get("schema")) or {})
            examples |= fields if isinstance(fields, dict) else {}
        return {PythonIdentifier(name, FIELD_PREFIX): each for name, each in examples.items() if each is not None}

    @property
    def resource(self) -> str:
        """Return the attribute of the client that has it."""
        return PythonIdentifier(self.tag, "tag")


def operations(document: Document) -> Iterator[OperationFacts]:
    """Yield the operations in the order of the spec; one without an operationId has an empty id."""
    names = _names(document)
    for (path, method), node in _nodes(document):
        identifier, pointer = node.get("operationId"), ("paths", path, method)
        text = identifier if isinstance(identifier, str) else ""
        yield OperationFacts(text, method, path, names[path, method], pointer, node)


@lru_cache(maxsize=4)  # a document's operations are needed by every rule
def _names(document: Document) -> dict[tuple[str, str], str]:
    nodes = dict(_nodes(document))
    return method_names(nodes, {where: PythonIdentifier(_tag(node), "tag") for where, node in nodes.items()})


def _nodes(document: Document) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    paths = document.data.get("paths")
    for path, item in (paths if isinstance(paths, dict) else {}).items():
        for method in METHODS:
            if isinstance(node := item.get(method) if isinstance(item, dict) else None, dict):
                yield (path, method), node


def _tag(node: dict[str, Any]) -> str:
    tags = node.get("tags")
    return str(tags[0]) if isinstance(tags, list) and tags else "default"


def _is_read(media_type: str) -> bool:
    kind = kind_of(media_type)
    return bool(_JSON.match(media_type)) or is_text(kind) or is_bytes(kind)


def _example(node: dict[str, Any]) -> Any:
    """Return what a parameter, a media type or a schema gives as an example."""
    if "example" in node:
        return node["example"]
    match node.get("examples"):
        case [first, *_]:
            return first
        case dict() as named if named and isinstance(first := next(iter(named.values())), dict):
            return first.get("value")
    return None
