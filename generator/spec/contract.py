"""The extensions `x-signedin-refresh` and `x-signedin-tokens`, read for `contract.py` of the generated package.

Expects what `lint` has accepted. `docs/contract.md` describes the fields; `address` says where a request goes.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from generator.spec.address import Address, address, address_of, base_url, operation_of
from generator.spec.document import Document, Pointer
from generator.spec.operations import OperationFacts, operations

DEAD: Final = (400, 401, 403)
FORM: Final = "application/x-www-form-urlencoded"
TOKENS: Final = ("accessToken", "refreshToken")
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "oauth2": {
        "request": {"refreshToken": "refresh_token", "constants": {"grant_type": "refresh_token"}},
        "response": {
            "accessToken": "access_token",
            "refreshToken": "refresh_token",
            "absent": "keep",
            "expires": {"at": "expires_in", "as": "seconds"},
        },
        "expired": [
            {"status": 401, "header": "WWW-Authenticate", "contains": "invalid_token"}
        ],  # RFC 6750, section 3.1
        # RFC 6749, section 5.2, demands 400; some servers answer 401 or 403, and the code decides.
        "dead": [{"status": status, "at": "error", "in": ["invalid_grant"]} for status in DEAD],
    }
}
_TIMES: Final = 5
# RFC 7009, section 2.1.
_REVOKE: Final = {"refreshToken": "token", "constants": {"token_type_hint": "refresh_token"}}


@define(frozen=True)
class Declared:
    """An extension where it stands; `owner` is the scheme's or the operation's name."""

    owner: str
    pointer: Pointer
    value: Any = field(repr=False)
    scheme: dict[str, Any] = field(factory=dict, repr=False)

    @property
    def completed(self) -> dict[str, Any]:
        """Return the value with what its preset fixes; what stands beside `preset` overrides it."""
        value: dict[str, Any] = merged(PRESETS.get(str(self.value.get("preset")), {}), self.value)
        return value


class Node:
    """An instance of one of the contract's types in `types.py` of the package, to be written as source."""

    def __init__(self, kind: str, /, **fields: Any) -> None:
        self.kind, self.fields = kind, fields


def merged(defaults: Any, value: Any) -> Any:
    """Return a value that takes what it does not have from another one."""
    if not isinstance(defaults, dict) or not isinstance(value, dict):
        return value
    return {**defaults, **{key: merged(defaults.get(key), each) for key, each in value.items()}}


def refreshes(document: Document) -> Iterator[Declared]:
    """Yield every `x-signedin-refresh` of the security schemes."""
    schemes = document.at(("components", "securitySchemes"))
    for name, scheme in (schemes if isinstance(schemes, dict) else {}).items():
        if isinstance(scheme, dict) and "x-signedin-refresh" in scheme:
            pointer = ("components", "securitySchemes", name, "x-signedin-refresh")
            yield Declared(name, pointer, scheme["x-signedin-refresh"], scheme)


def revoking(document: Document) -> list[OperationFacts]:
    """Return the operations that end a session."""
    return [operation for operation in operations(document) if operation.effect == "revokes"]


def issuing(document: Document) -> list[OperationFacts]:
    """Return the operations that issue tokens."""
    return [operation for operation in operations(document) if operation.effect == "issues"]


def contract(document: Document) -> dict[str, Any]:
    """Return what `contract.py.jinja` writes: Python expressions, made of literals and the contract's types alone."""
    declared = _declared(document)
    parts = {
        "refresh": refresh_contract(document),
        "revoke": _revoke(document, declared),
        "issues": tuple(_issues(each, declared.completed) for each in issuing(document)) if declared else (),
    }
    expressions = {name: expression(part) for name, part in parts.items()}
    types = {"IssueContract", "RefreshContract", "RevokeContract"}
    return {
        "types": sorted(types.union(*map(_types, parts.values()))),
        "version": expression(str(document.at(("info", "version")) or "")),
        "base_url": expression(base_url(document)),
        "sign_in": _first_call(document),
        **expressions,
    }


def _declared(document: Document) -> Declared | None:
    return next((each for each in refreshes(document) if isinstance(each.value, dict)), None)


def refresh_contract(document: Document) -> Node | None:
    """Return the package's `REFRESH`."""
    declared = _declared(document)
    return _refresh(document, declared, declared.completed) if declared else None


def _first_call(document: Document) -> str | None:
    """Return the method that a new user of the package calls: one that is named like a sign-in, else the first."""
    names = [f"{each.resource}.{each.module}" for each in issuing(document)]
    return min(names, key=lambda name: not re.search(r"(log|sign)_?in", name), default=None)


def _refresh(document: Document, declared: Declared, value: dict[str, Any]) -> Node:
    renew = value.get("renew", "refresh")
    target = None if renew == "signIn" else address(document, declared.scheme, value)
    sign_in_by = sign_in(document, value) if renew == "signIn" else None
    operation = target.operation if target else operation_of(document, sign_in_by or "")
    subject = value.get("subject") or ()
    return _node(
        "RefreshContract",
        scheme=declared.owner,
        request=target and _token_request(document, target, value["request"], is_form="preset" in value),
        response=_token_response(value["response"], value),
        expired=tuple(sign for each in signs(value.get("expired")) for sign in _signs(each)),
        dead=tuple(sign for each in signs(value.get("dead", DEAD)) for sign in _signs(each)),
        optional={
            "error_properties": frozenset(_error_properties(document, operation, value)),
            "grace": _grace(value.get("grace")),
            "attach": _attach(declared.scheme, value.get("attach") or {}),
            "subject": (subject,) if isinstance(subject, str) else tuple(subject),
            "renew": renew if renew != "refresh" else None,
            "sign_in": sign_in_by,
            "discovery": target and target.discovery,
        },
    )


def sign_in(document: Document, value: dict[str, Any]) -> str | None:
    """Return the operation that `renew: signIn` calls: `operationId`, or the only one that issues tokens."""
    names = [each.id for each in issuing(document)]
    if value.get("operationId") is not None:
        return value["operationId"] if value["operationId"] in names else None
    return names[0] if len(names) == 1 else None


def _token_request(document: Document, target: Address, request: dict[str, Any], *, is_form: bool) -> Node:
    operation = target.operation
    refresh, access = (request.get(name) for name in ("refreshToken", "accessToken"))
    return _node(
        "TokenRequest",
        operation_id=operation and operation.id,
        method=target.method,
        url=target.url,
        encoding=encoding(document, operation, request, is_form=is_form),
        refresh_token=None if refresh is None else place(refresh),
        optional={
            "access_token": None if access is None else place(access),
            "constants": tuple(
                Node("Constant", place=place(at), value=text) for at, text in constants(request.get("constants"))
            ),
            "settings": tuple(
                Node("Setting", name=name, place=place(at)) for name, at in settings(request.get("settings"))
            ),
            "client": request.get("client"),
            "carry": tuple(
                Node("Carry", source=place(each["from"]), target=place(each["to"]))
                for each in request.get("carry") or ()
            ),
        },
    )


def constants(value: Any) -> list[tuple[Any, Any]]:
    """Return the places and the values of `constants`: a map of the body's properties, or a list."""
    if isinstance(value, dict):
        return list(value.items())
    return [(each, each["value"]) for each in value or ()]


def settings(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and the places of `settings`; a place without a name has the setting's."""
    return [(name, {"name": name, **at}) for name, at in (value or {}).items()]


def request_places(request: dict[str, Any]) -> list[Any]:
    """Return all places that a request fills."""
    ats = [request[name] for name in TOKENS if request.get(name) is not None]
    ats += [at for at, _ in constants(request.get("constants"))]
    ats += [at for _, at in settings(request.get("settings"))]
    ats += [each["to"] for each in request.get("carry") or ()]
    return [*ats, "client_id", "client_secret"] if request.get("client") == "body" else ats


def in_body(request: dict[str, Any]) -> list[str]:
    """Return the JSON pointers of what a request has in its body."""
    return [pointer(name) for where, name, _ in map(where_of, request_places(request)) if where == "body"]


def encoding(document: Document, operation: OperationFacts | None, request: dict[str, Any], *, is_form: bool) -> str:
    """Return how the body is written: as the operation takes it, JSON before a form where it has what is sent."""
    sent, bodies = in_body(request), body_schemas(document, operation)
    node = document.resolve(operation.node.get("requestBody")) if operation else None
    if not sent and not (bodies and (node or {}).get("required") is True):
        return "none"
    if not bodies:
        return str(request.get("encoding") or ("form" if is_form else "json"))
    if len(bodies) == 1:
        return next(iter(bodies))
    fitting = [kind for kind in bodies if all(list(targets(document, bodies[kind], each)) for each in sent)]
    return (fitting or list(bodies))[0]


def body_schemas(document: Document, operation: OperationFacts | None) -> dict[str, Any]:
    """Return the schemas of the bodies that an operation takes, by encoding: `json` before `form`."""
    content = (document.resolve(operation.node.get("requestBody")) or {}).get("content") if operation else None
    schemas: dict[str, Any] = {}
    for kind, media in (content or {}).items():
        name = kind.partition(";")[0].strip().lower()
        if name == FORM or is_json(name):
            schemas.setdefault("form" if name == FORM else "json", (media or {}).get("schema"))
    return dict(sorted(schemas.items(), reverse=True))


def is_json(kind: object) -> bool:
    """Say whether a media type is JSON."""
    return re.match(r"(application|text)/(.+\+)?json\b", str(kind).lower()) is not None


def targets(document: Document, schema: Any, at: str) -> Iterator[Any]:
    """Yield the schemas that a JSON pointer leads to; `{}` where the schema leaves open what stands there."""
    current = [schema]
    for step in at.removeprefix("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        current = [each for one in current for each in _inside(document, one, name, ())]
    yield from current


def _inside(document: Document, node: Any, name: str, around: tuple[object, ...]) -> Iterator[Any]:
    schema = document.resolve(node)
    if not isinstance(schema, dict) or any(schema is each for each in around):
        return
    parts = [each for key in ("allOf", "anyOf", "oneOf") for each in schema.get(key) or []]
    if name in (schema.get("properties") or {}):
        yield schema["properties"][name]
    elif name.isdecimal() and "items" in schema:
        yield schema["items"]
    elif isinstance(schema.get("additionalProperties"), dict):
        yield schema["additionalProperties"]
    elif not parts and not schema.get("properties") and schema.get("type", "object") == "object":
        yield {}
    for part in parts:
        yield from _inside(document, part, name, (*around, schema))


def where_of(value: Any) -> tuple[str, str, str]:
    """Return where a value stands, its name there and what stands before it."""
    if isinstance(value, dict):
        return value.get("in", "body"), value.get("name", ""), value.get("prefix", "")
    return "body", value, ""


def place(value: Any) -> Node:
    """Return the `Place` of a property's name, a JSON pointer, or `{in, name, prefix}`."""
    where, name, prefix = where_of(value)
    if where == "body":
        name = pointer(name)
    return _node("Place", where=where, optional={"name": name, "prefix": prefix})


def pointer(name: str) -> str:
    """Return the JSON pointer (RFC 6901) of a property's name; one that is a pointer stays as it is."""
    return name if name.startswith("/") else "/" + name.replace("~", "~0").replace("/", "~1")


def absent(response: dict[str, Any], value: dict[str, Any]) -> str:
    """Return what an answer without a refresh token means."""
    inner = response.get("refreshToken")
    default = "refuse"
    if inner is None:  # an answer that never has one leaves the old one in force, if there was one
        default = "keep" if (value.get("request") or {}).get("refreshToken") is not None else "none"
    return str(response.get("absent") or (inner.get("absent") if isinstance(inner, dict) else None) or default)


def _token_response(response: dict[str, Any], value: dict[str, Any]) -> Node:
    refresh, mode, expires = response.get("refreshToken"), absent(response, value), response.get("expires")
    return _node(
        "TokenResponse",
        access_token=place(response["accessToken"]),
        refresh_token=None if refresh is None else place(refresh),
        optional={
            "absent": mode if mode != "refuse" else None,
            "expires": expires and Node("Expires", place=place(expires["at"]), unit=expires["as"]),
        },
    )


def signs(value: Any) -> list[dict[str, Any]]:
    """Return `expired` or `dead` as a list of objects: one alone, or a plain status, stands for one."""
    each = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [one if isinstance(one, dict) else {"status": one} for one in each]


def sign_place(sign: dict[str, Any]) -> Any:
    """Return where a sign's value stands, None if its status is enough."""
    if "header" in sign:
        return {"in": "header", "name": sign["header"]}
    return sign.get("property", sign.get("at"))


def _signs(sign: dict[str, Any]) -> Iterator[Node]:
    at = sign_place(sign)
    if at is None:
        yield Node("Sign", status=int(sign["status"]))
        return
    values = sign["in"] if "in" in sign else [sign["equals"] if "equals" in sign else sign["contains"]]
    yield Node("Sign", status=int(sign["status"]), place=place(at), values=tuple(values))


def _grace(value: Any) -> Node | None:
    if value is None:
        return None
    return Node(
        "Grace", header=value.get("header"), seconds=float(value["seconds"]), times=int(value.get("times", _TIMES))
    )


def _attach(scheme: dict[str, Any], value: dict[str, Any]) -> Node | None:
    is_key = scheme.get("type") == "apiKey"
    header = value.get("header", scheme.get("name") if is_key else "Authorization")
    prefix = value.get("prefix", "" if is_key else "Bearer ")
    if (header, prefix) == ("Authorization", "Bearer "):
        return None
    return place({"in": "header", "name": header, "prefix": prefix})


def _error_properties(document: Document, operation: OperationFacts | None, value: dict[str, Any]) -> set[str]:
    """Return what every documented refusal has: a gateway's has not."""
    if operation is None:
        return set()
    statuses = {sign["status"] for sign in signs(value.get("dead", DEAD))}
    nodes = [answer_of(operation, status) for status in statuses]
    required = [_required(document, json_schema(document, node)) for node in nodes if node is not None]
    return set.intersection(*required) if required else set()


def answer_of(operation: OperationFacts, status: int) -> Any:
    """Return what is documented for a status: by itself, by its class, by default; None where nothing is."""
    responses = operation.node.get("responses") or {}
    return next((responses[key] for key in (str(status), f"{status // 100}XX", "default") if key in responses), None)


def json_schema(document: Document, node: object) -> Any:
    """Return the schema of a response's JSON body, None where it has none."""
    content = (document.resolve(node) or {}).get("content") or {}
    return (content.get(next(filter(is_json, content), "")) or {}).get("schema")


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


def revocation(operation: OperationFacts, declared: Declared | None) -> Any:
    """Return the `request` of an operation that revokes; the preset has RFC 7009's."""
    tokens = operation.node["x-signedin-tokens"]
    if is_oauth2(declared):
        client = declared.completed["request"].get("client") if declared else None
        return merged({**_REVOKE, **({"client": client} if client else {})}, tokens.get("request") or {})
    return tokens.get("request")


def is_oauth2(declared: Declared | None) -> bool:
    """Say whether the contract is the preset of OAuth 2.0."""
    return declared is not None and declared.value.get("preset") == "oauth2"


def _revoke(document: Document, declared: Declared | None) -> Node | None:
    for operation in revoking(document):
        request, target = revocation(operation, declared), address_of(document, operation)
        return Node("RevokeContract", request=_token_request(document, target, request, is_form=is_oauth2(declared)))
    if declared is None or not is_oauth2(declared):
        return None
    provider = address(document, declared.scheme, declared.value)
    if provider is None or provider.discovery is None:
        return None
    request = declared.completed["request"]
    shared = {key: request[key] for key in ("client", "settings") if key in request}
    return Node("RevokeContract", request=_token_request(document, provider, {**_REVOKE, **shared}, is_form=True))


def issue_response(operation: OperationFacts, value: dict[str, Any]) -> dict[str, Any]:
    """Return where an operation that issues tokens has them: where the refresh has them, but for its own `response`."""
    response: dict[str, Any] = merged(
        value.get("response") or {}, operation.node["x-signedin-tokens"].get("response") or {}
    )
    return response


def _issues(operation: OperationFacts, value: dict[str, Any]) -> Node:
    tokens = operation.node["x-signedin-tokens"]
    when = tokens.get("when")
    return _node(
        "IssueContract",
        operation_id=operation.id,
        response=_token_response(issue_response(operation, value), value),
        optional={
            "when": when and Node("Constant", place=place(when), value=when["equals"]),
            "optional": tokens.get("optional") is True,
        },
    )


def secrets(document: Document) -> set[tuple[str, str]]:
    """Return where the contract's secrets stand, and their names there: tokens, settings, what goes back."""
    if (declared := _declared(document)) is None:
        return set()
    value = declared.completed
    requests = [value.get("request"), *(revocation(each, declared) for each in revoking(document))]
    responses = [value.get("response"), *(issue_response(each, value) for each in issuing(document))]
    ats = [each[name] for each in [*requests, *responses] if each for name in TOKENS if each.get(name) is not None]
    for request in filter(None, requests):
        ats += [at for _, at in settings(request.get("settings"))]
        ats += [each[key] for each in request.get("carry") or () for key in ("from", "to")]
    return {(where, name.rpartition("/")[2] if where == "body" else name) for where, name, _ in map(where_of, ats)}


def _node(kind: str, /, *, optional: dict[str, Any], **fields: Any) -> Node:
    """Return a node without the optional fields that have nothing to say."""
    return Node(kind, **fields, **{name: value for name, value in optional.items() if value})


def expression(value: Any) -> str:
    """Return the Python source of a value: strings from a spec appear as escaped literals only."""
    if isinstance(value, Node):
        return f"{value.kind}({', '.join(f'{name}={expression(each)}' for name, each in value.fields.items())})"
    if isinstance(value, tuple):
        return f"({''.join(expression(each) + ', ' for each in value)})"
    if isinstance(value, frozenset):
        return f"frozenset({{{', '.join(map(expression, sorted(value)))}}})" if value else "frozenset()"
    if isinstance(value, str):
        return ascii(str(value))
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(type(value).__name__)


def _types(value: Any) -> set[str]:
    if isinstance(value, Node):
        return {value.kind}.union(*map(_types, value.fields.values()))
    return set().union(*map(_types, value)) if isinstance(value, tuple) else set()
