"""The extensions `x-signedin-refresh` and `x-signedin-tokens`, read for `contract.py` of the printed package.

Expects what `lint` has accepted.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field
from openapi_python_client.schema import UntrustedString

from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts, operations


@define(frozen=True)
class Declared:
    """An extension where it stands; `owner` is the scheme's or the operation's name."""

    owner: str
    pointer: Pointer
    value: Any = field(repr=False)


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
    """Return what `contract.py.jinja` prints, its strings wrapped as untrusted."""
    return {
        "version": _untrusted(str(document.at(("info", "version")) or "")),
        "base_url": _untrusted(base_url(document)),
        "refresh": next((_untrusted(_refresh(document, declared)) for declared in refreshes(document)), None),
        "revoke": next((_untrusted(_revoke(operation)) for operation in revoking(document)), None),
    }


def base_url(document: Document) -> str | None:
    """Return the first server's absolute URL, its variables at their defaults."""
    server = document.at(("servers", "0"))
    if not isinstance(server, dict) or not isinstance(url := server.get("url"), str):
        return None
    variables = server.get("variables") or {}
    url = re.sub(r"{([^{}]*)}", lambda name: str(variables.get(name[1], {}).get("default", name[0])), url)
    return url if re.match(r"https?://[^/]", url) and "{" not in url else None


def _refresh(document: Document, declared: Declared) -> dict[str, Any]:
    value = declared.value
    operation = next(each for each in operations(document) if each.id == value["operationId"])
    grace = value.get("grace")
    return {
        "scheme": declared.owner,
        **_address(operation),
        "request_refresh_token": value["request"]["refreshToken"],
        "response_access_token": value["response"]["accessToken"],
        "response_refresh_token": value["response"]["refreshToken"],
        "expired": value["expired"],
        "dead": sorted(value["dead"]),
        "error_properties": sorted(_error_properties(document, operation, value["dead"])),
        "grace": grace and {**grace, "seconds": float(grace["seconds"])},
    }


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


def _revoke(operation: OperationFacts) -> dict[str, Any]:
    request = operation.node["x-signedin-tokens"]["request"]
    return {**_address(operation), "request_refresh_token": request["refreshToken"]}


def _address(operation: OperationFacts) -> dict[str, str]:
    return {"operation_id": operation.id, "method": operation.method, "path": operation.path}


def _untrusted(value: Any) -> Any:
    if isinstance(value, str):
        return UntrustedString(value)
    if isinstance(value, dict):
        return {key: _untrusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_untrusted(item) for item in value]
    return value
