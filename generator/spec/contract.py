"""The extensions `x-signedin-refresh` and `x-signedin-tokens`, read for `contract.py` of the printed package.

Expects what `lint` has accepted.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import define, field

from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts, operations

_TOKENS: Final = {"access_token": "accessToken", "refresh_token": "refreshToken"}


@define(frozen=True)
class Declared:
    """An extension where it stands; `owner` is the scheme's or the operation's name."""

    owner: str
    pointer: Pointer
    value: Any = field(repr=False)


class Node:
    """An instance of one of the contract's types in `types.py` of the package, to be written as source."""

    def __init__(self, kind: str, /, **fields: Any) -> None:
        self.kind, self.fields = kind, fields


def refreshes(document: Document) -> Iterator[Declared]:
    """Yield every `x-signedin-refresh` of the security schemes."""
    schemes = document.at(("components", "securitySchemes"))
    for name, scheme in (schemes if isinstance(schemes, dict) else {}).items():
        if isinstance(scheme, dict) and "x-signedin-refresh" in scheme:
            pointer = ("components", "securitySchemes", name, "x-signedin-refresh")
            yield Declared(name, pointer, scheme["x-signedin-refresh"])


def revoking(document: Document) -> list[OperationFacts]:
    """Return the operations that end a session."""
    return [operation for operation in operations(document) if operation.effect == "revokes"]


def contract(document: Document) -> dict[str, Any]:
    """Return what `contract.py.jinja` writes: Python expressions, made of literals and the contract's types alone."""
    refresh = next((_refresh(document, declared) for declared in refreshes(document)), None)
    parts = {
        "refresh": refresh,
        "revoke": next((_revoke(operation) for operation in revoking(document)), None),
        "issues": tuple(_issues(each, refresh) for each in operations(document) if each.effect == "issues"),
    }
    expressions = {name: _expression(part) for name, part in parts.items()}
    types = {"IssueContract", "RefreshContract", "RevokeContract"}
    return {
        "types": sorted(types.union(*map(_types, parts.values()))),
        "version": _expression(str(document.at(("info", "version")) or "")),
        "base_url": _expression(base_url(document)),
        **expressions,
    }


def base_url(document: Document) -> str | None:
    """Return the first server's absolute URL, its variables at their defaults."""
    server = document.at(("servers", "0"))
    if not isinstance(server, dict) or not isinstance(url := server.get("url"), str):
        return None
    variables = server.get("variables") or {}
    url = re.sub(r"{([^{}]*)}", lambda name: str(variables.get(name[1], {}).get("default", name[0])), url)
    return url if re.match(r"https?://[^/]", url) and "{" not in url else None


def _refresh(document: Document, declared: Declared) -> Node:
    value = declared.value
    operation = next(each for each in operations(document) if each.id == value["operationId"])
    expired, grace = value["expired"], value.get("grace")
    sign = {"status": int(expired["status"]), "place": _in_body(expired["property"]), "values": (expired["equals"],)}
    response = {name: _in_body(value["response"][key]) for name, key in _TOKENS.items()}
    return Node(
        "RefreshContract",
        scheme=declared.owner,
        request=_token_request(operation, value["request"]),
        response=Node("TokenResponse", **response),
        expired=(Node("Sign", **sign),),
        dead=tuple(Node("Sign", status=status) for status in sorted(map(int, value["dead"]))),
        error_properties=frozenset(_error_properties(document, operation, value["dead"])),
        grace=grace
        and Node("Grace", header=grace["header"], seconds=float(grace["seconds"]), times=int(grace["times"])),
    )


def _token_request(operation: OperationFacts, request: Any) -> Node:
    place, method = _in_body(request["refreshToken"]), operation.method
    address = {"operation_id": operation.id, "method": method, "url": operation.path}
    return Node("TokenRequest", **address, encoding="json", refresh_token=place)


def _in_body(name: str) -> Node:
    return Node("Place", where="body", name="/" + name.replace("~", "~0").replace("/", "~1"))


def _error_properties(document: Document, operation: OperationFacts, dead: Iterable[int]) -> set[str]:
    """Return what every documented refusal has: by it the API's own is told from a gateway's."""
    responses = operation.node["responses"]
    nodes = [
        responses.get(str(status), responses.get(f"{str(status)[0]}XX", responses.get("default"))) for status in dead
    ]
    required = [_required(document, _json_schema(document, node)) for node in nodes if node is not None]
    return set.intersection(*required) if required else set()


def _json_schema(document: Document, node: object) -> object:
    content = (document.resolve(node) or {}).get("content") or {}
    kinds = (kind for kind in content if re.match(r"application/(.+\+)?json\b", kind))
    return (content.get(next(kinds, "")) or {}).get("schema")


def _required(document: Document, node: object, around: tuple[object, ...] = ()) -> set[str]:
    schema = document.resolve(node)
    if not isinstance(schema, dict) or any(schema is each for each in around):
        return set()
    around = (*around, schema)
    names = {name for name in schema.get("required") or [] if isinstance(name, str)}
    for part in schema.get("allOf") or []:
        names |= _required(document, part, around)
    for key in ("oneOf", "anyOf"):
        if members := schema.get(key):
            names |= set.intersection(*(_required(document, member, around) for member in members))
    return names


def _revoke(operation: OperationFacts) -> Node:
    return Node("RevokeContract", request=_token_request(operation, operation.node["x-signedin-tokens"]["request"]))


def _issues(operation: OperationFacts, refresh: Node | None) -> Node:
    return Node("IssueContract", operation_id=operation.id, response=refresh.fields["response"] if refresh else None)


def _expression(value: Any) -> str:
    """Return the Python source of a value: strings from a spec appear as escaped literals only."""
    if isinstance(value, Node):
        return f"{value.kind}({', '.join(f'{name}={_expression(each)}' for name, each in value.fields.items())})"
    if isinstance(value, tuple):
        return f"({''.join(_expression(each) + ', ' for each in value)})"
    if isinstance(value, frozenset):
        return f"frozenset({{{', '.join(map(_expression, sorted(value)))}}})" if value else "frozenset()"
    if isinstance(value, str):
        return ascii(str(value))
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(type(value).__name__)


def _types(value: Any) -> set[str]:
    if isinstance(value, Node):
        return {value.kind}.union(*map(_types, value.fields.values()))
    return set().union(*map(_types, value)) if isinstance(value, tuple) else set()
