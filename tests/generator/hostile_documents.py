"""Documents that are hostile as a whole: bombs, cycles, references to elsewhere, bytes that are no text."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.generator.hostile_texts import CANARY
from tests.generator.specs import minimal

_ELSEWHERE: Final = (
    "https://attacker.example/x.yaml#/A",
    "http://127.0.0.1:9/x.json",
    "//attacker.example/x.yaml",
    "ftp://attacker.example/x",
    "file:///etc/passwd",
    "file:///etc/passwd#/components/schemas/Thing",
    "FILE:///etc/passwd",
    "data:application/json,{}",
    "/etc/passwd",
    "../../../../etc/passwd",
    "other.yaml",
    "other.yaml#/A",
    "..\\other.yaml",
    "\\\\attacker\\share\\x.yaml",
    "jar:file:///x!/y",
    "#",
    "",
    "#components/schemas/Thing",
    "#/components/schemas/Nothing",
    "#/components/schemas/Thing/properties/nothing",
    "#%2Fcomponents/schemas/Thing",
    "#/__class__/__init__",
)
_TAGS: Final = (
    f"!!python/object/apply:os.system ['touch {CANARY}']",
    f"!!python/object/new:pathlib.Path ['{CANARY}']",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/tuple [1]",
    "!include /etc/passwd",
    "!!binary aGk=",
    "!!set {a, b}",
)
_HEAD: Final = "openapi: 3.1.0\ninfo: {title: a, version: '1'}\npaths: {}\n"


def documents() -> Iterator[tuple[str, str, bytes]]:
    """Yield the case's name, the file's suffix and its bytes."""
    for reference in _ELSEWHERE:
        yield f"$ref {reference}", "json", _json(_referring(reference))
    for tag in _TAGS:
        yield f"tag {tag}", "yaml", f"{_HEAD}x-a: {tag}\n".encode()
    for name, spec in _shapes():
        yield name, "json", _json(spec)
    yield from _bombs()
    yield from _bytes()


def _json(spec: dict[str, Any]) -> bytes:
    return json.dumps(spec).encode()


def _referring(reference: str) -> dict[str, Any]:
    spec = minimal()
    spec["components"]["schemas"]["Far"] = {"$ref": reference}
    return spec


def _with(**schemas: object) -> dict[str, Any]:
    spec = minimal()
    spec["components"]["schemas"] |= schemas
    return spec


def _to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _nested(depth: int, *, key: str = "items") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", key: schema} if key == "items" else {key: [schema]}
    return schema


def _shapes() -> Iterator[tuple[str, dict[str, Any]]]:
    number = {"type": "integer"}
    yield "a schema that is itself", _with(A=_to("A"))
    yield "two schemas that are each other", _with(A=_to("B"), B=_to("A"))
    yield "a schema composed of itself", _with(A={"allOf": [_to("A")]})
    yield "schemas composed of each other", _with(A={"allOf": [_to("B")]}, B={"anyOf": [_to("A")]})
    yield "a list of itself", _with(A={"type": "array", "items": _to("A")})
    yield "a property that is its owner", _with(A={"type": "object", "properties": {"a": _to("A")}})
    yield "additional properties of itself", _with(A={"type": "object", "additionalProperties": _to("A")})
    for key in ("items", "allOf", "oneOf"):
        yield f"20 times {key}", _with(A=_nested(20, key=key))
        yield f"300 times {key}", _with(A=_nested(300, key=key))
    yield "a pattern that backtracks", _with(A={"type": "string", "pattern": "(a+)+$", "default": "a" * 40 + "!"})
    yield "a pattern of a megabyte", _with(A={"type": "string", "pattern": "(" * 500_000 + ")" * 500_000})
    yield "a pattern that is none", _with(A={"type": "string", "pattern": "("})
    yield "a huge integer", _with(A={**number, "default": 10**4_000}, B={**number, "enum": [10**300, -1]})
    yield "a huge length", _with(A={"type": "string", "minLength": 10**18, "maxLength": -1})
    yield "infinity", _with(A={"type": "object", "properties": {"a": {"type": "number", "default": float("inf")}}})
    yield "not a number", _with(A={"type": "object", "properties": {"a": {"type": "number", "default": float("nan")}}})
    yield "a default of another type", _with(A={"type": "object", "properties": {"a": {**number, "default": "x()"}}})
    yield "a default that is code", _with(A={"type": "object", "properties": {"a": {**number, "default": "exit()"}}})
    yield "many values of an enum", _with(A={"type": "string", "enum": [f"v{index}" for index in range(1_000)]})
    yield "enum of everything", _with(A={"enum": [None, True, 1, 1.5, "a", [], {}]})
    yield "a type that is none", _with(A={"type": "__import__('os')"})
    yield "a lone surrogate", _with(A={"type": "string", "default": "\ud800", "description": "\udfff"})
    yield "a schema that is a string", _with(A="exit()")
    yield "properties that are a list", _with(A={"type": "object", "properties": ["a"]})
    for name in ("__init__", "__class__", "import", "self", "None", "types", "errors", "client", "models", "api"):
        spec = minimal()
        spec["paths"]["/things"]["get"] |= {"tags": [name], "operationId": name}
        yield f"tag and operation {name}", spec
    for key in ("status", "200); exit(", "1000", "-1", "2XX", "default"):
        spec = minimal()
        answers = spec["paths"]["/things"]["get"]["responses"]
        answers[key] = answers.pop("200")
        yield f"answer {key}", spec
    for kind in ("application/json; charset=\"'\\\n", "text/x\r\nX-A: b", "__import__('os')", "*/*", ""):
        spec = minimal()
        answer = spec["paths"]["/things"]["get"]["responses"]["200"]
        answer["content"] = {kind: answer["content"]["application/json"]}
        yield f"media type {kind!a}", spec
    for path in ("/{a.__class__}", "/{a!r:>{b}}", "/{0}", "/{}", "/{{a}}", "/%7Ba%7D", "//host/a", "/../../a", "a?b#c"):
        spec = minimal()
        spec["paths"] = {path: spec["paths"]["/things"]}
        yield f"path {path}", spec


def _bombs() -> Iterator[tuple[str, str, bytes]]:
    lol = "".join(f"x-{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10) if n else 'lol'}]\n" for n in range(12))
    yield "aliases that multiply", "yaml", (_HEAD + lol).encode()
    merge = "".join(f"x-{n}: &m{n} {{k{n}: 1, <<: [{', '.join([f'*m{n - 1}'] * 9) if n else ''}]}}\n" for n in range(9))
    yield "merges that multiply", "yaml", (_HEAD + merge).encode()
    yield "an alias to itself", "yaml", f"{_HEAD}x-a: &a [*a]\n".encode()
    yield "a mapping that holds itself", "yaml", f"{_HEAD}x-a: &a {{b: *a}}\n".encode()
    yield "a key that is a mapping", "yaml", f"{_HEAD}? {{a: b}}\n: c\n".encode()
    yield "100,000 brackets of YAML", "yaml", (_HEAD + "x-a: " + "[" * 100_000).encode()
    yield "100,000 brackets of JSON", "json", b"[" * 100_000
    yield "a number of a million digits", "json", b'{"a": ' + b"9" * 1_000_000 + b"}"
    yield "a number beyond all numbers", "yaml", f"{_HEAD}x-a: 1e999999999\nx-b: 0x{'f' * 9_999}\n".encode()
    yield "base 60", "yaml", f"{_HEAD}x-a: {'9:' * 5_000}9\n".encode()
    yield "a key twice in JSON", "json", b'{"openapi": "3.1.0", "openapi": "3.0.0"}'
    yield "a key twice in YAML", "yaml", f"{_HEAD}openapi: 3.0.0\n".encode()


def _bytes() -> Iterator[tuple[str, str, bytes]]:
    yield "nothing", "yaml", b""
    yield "zeros", "yaml", b"\0" * 10_000
    yield "UTF-16", "yaml", _HEAD.encode("utf-16")
    yield "UTF-7", "yaml", _HEAD.encode("utf-7") + b"\n+AGE-"
    yield "no UTF-8", "json", b'{"openapi": "\xff\xfe"}'
    yield "an overlong slash", "yaml", _HEAD.encode() + b"x: \xc0\xaf"
    yield "a number", "json", b"5"
    yield "two documents", "yaml", f"{_HEAD}---\n{_HEAD}".encode()
    yield "a directive", "yaml", f"%TAG ! tag:yaml.org,2002:python/\n---\n{_HEAD}x-a: !object:os.system {{}}\n".encode()
    yield "an escape of a NUL", "yaml", f'{_HEAD}x-a: "\\0\\x07\\e"\n'.encode()
