"""A spec of any number of operations with the habits of large public ones: all that is hard to generate, at once.

Each group of operations repeats the same shapes on schemas of its own; `habits` are the operations that no package can
hold whole.
"""

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}


def public(groups: int) -> dict[str, Any]:
    """Return the spec: eleven operations for each group, and one for each habit."""
    spec: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "Everybody's API", "version": "2026-01-02", "description": 'A "public" one.'},
        "servers": [{"url": "https://{region}.public.example/v1", "variables": {"region": {"default": "eu"}}}],
        "security": [{"oauth": ["read"]}, {"key": []}],
        "tags": [{"name": "group 0", "description": "The first.\n\n*Of many.*"}],
        "paths": {},
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "oauth": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": "/t", "scopes": {"read": "r"}}},
                },
            },
            "parameters": {"page": _query("page", {**_NUMBER, "minimum": 1, "default": 1})},
            "responses": {"Refused": {"description": "No.", "content": _json(_to("Problem"))}},
            "schemas": _shared(),
        },
    }
    for number in range(groups):
        spec["paths"] |= _paths(number)
        spec["components"]["schemas"] |= _schemas(number)
    for path, (method, operation) in habits().items():
        spec["paths"][path] = {method: operation}
    return spec


def _to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Any, media_type: str = "application/json") -> dict[str, Any]:
    return {media_type: {"schema": schema}}


def _query(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, **more}


def _ok(schema: Any, media_type: str = "application/json") -> dict[str, Any]:
    refused = {"$ref": "#/components/responses/Refused"}
    return {"200": {"description": "Fine.", "content": _json(schema, media_type)}, "default": refused}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _shared() -> dict[str, Any]:
    return {
        "Problem": _object(["message"], message=_TEXT, errors={"type": "array", "items": {"type": "object"}}),
        # Words of Python, of the generated modules, and names that meet after conversion.
        "class": _object(["from"], **{"from": _TEXT, "import": _NUMBER, "None": {"type": "boolean"}}),
        "Response": _object([], ok={"type": "boolean"}),
        "File": _object([], path=_TEXT),
        "simple-user": _object(["login"], login=_TEXT, site_admin={"type": "boolean"}, self=_TEXT),
        "SimpleUser": {"title": "Simple User", **_object([], login=_TEXT)},
        "reactions": _object(["+1", "-1"], **{"+1": _NUMBER, "-1": _NUMBER, "total_count": _NUMBER, "to_dict": _TEXT}),
        "Any": {},
        "anything": {"description": "Whatever it is."},
        "free-form": {"type": "object", "additionalProperties": True},
        "strings": {"type": "object", "additionalProperties": _TEXT},
        "cyclic": _object([], parent=_to("cyclic"), children={"type": "array", "items": _to("cyclic")}),
        "sort-order": {"type": "string", "enum": ["asc", "desc", "asc ", "ASC", ""]},
        "mixed": {"enum": ["auto", 1, 2.5, None]},
        "nothing-but-null": {"type": "string", "nullable": True, "enum": [None]},
        "tuple": {"type": "array", "items": {}},
        "unitless": {"type": "array"},
    }


def _schemas(number: int) -> dict[str, Any]:
    """Return composition, discriminators, wrappers of null, recursion, maps, and enums without names of their own."""
    n = f"{number}"
    pet = _object(
        ["kind"], kind=_TEXT, name={"type": "string", "nullable": True}, born={"type": "string", "format": "date"}
    )
    kinds = {
        "propertyName": "kind",
        "mapping": {"cat": f"#/components/schemas/cat-{n}", "dog": f"#/components/schemas/dog-{n}"},
    }
    return {
        f"pet-{n}": pet,
        f"cat-{n}": {"allOf": [_to(f"pet-{n}"), _object([], lives={**_NUMBER, "default": 9})]},
        f"dog-{n}": {"allOf": [_to(f"pet-{n}"), {"properties": {"tail": {"type": "number", "format": "float"}}}]},
        f"any-pet-{n}": {"oneOf": [_to(f"cat-{n}"), _to(f"dog-{n}")], "discriminator": kinds},
        f"nullable-pet-{n}": {"nullable": True, "allOf": [_to(f"pet-{n}")]},
        f"event_{n}": _object(
            ["id", "at"],
            id={"type": "string", "format": "uuid"},
            at={"type": "string", "format": "date-time"},
            state={"type": "string", "enum": ["open", "closed", "in progress"], "default": "open"},
            level={"type": "integer", "enum": [1, 2, 3]},
            actor={"anyOf": [_to("simple-user"), _TEXT, {"type": "array", "items": _NUMBER}]},
            pet={"allOf": [_to(f"any-pet-{n}")], "nullable": True, "description": 'Any \\ pet\'s "name".'},
            labels={"type": "object", "additionalProperties": {"type": "array", "items": _to(f"pet-{n}")}},
            meta=_object(
                [], **{"$schema": _TEXT, "@type": _TEXT, "x-y": _TEXT, "1st": _TEXT, "type": _TEXT, "id": _TEXT}
            ),
            url={"type": "string", "format": "uri"},
            ratio={"type": "number", "default": 1},
            reactions=_to("reactions"),
        ),
        f"page-{n}": _object(["items"], items={"type": "array", "items": _to(f"event_{n}")}, next=_to(f"page-{n}")),
    }


def _operation(name: str, tag: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"operationId": name, "tags": [tag], "responses": responses, **more}


def _body(schema: Any, *media_types: str, **more: Any) -> dict[str, Any]:
    return {"content": {name: {"schema": schema} for name in media_types or ("application/json",)}, **more}


def _paths(number: int) -> dict[str, Any]:
    n, tag = f"{number}", f"group {number}"
    event, problem = _to(f"event_{n}"), {"$ref": "#/components/responses/Refused"}
    nothing = {"204": {"description": "Nothing."}, "4XX": problem, "5XX": problem}
    wild = {"2XX": {"description": "Fine.", "content": _json(event)}, "404": problem}
    listed = [
        _query("sort", _to("sort-order")),
        _query("filter[]", {"type": "array", "items": _TEXT}),
        {"name": "visit", "in": "cookie", "schema": _TEXT},
    ]
    events = {
        "parameters": [
            {"name": "X-Trace", "in": "header", "schema": _TEXT},
            {"$ref": "#/components/parameters/page"},
        ],
        "get": _operation(f"events/list-{n}", tag, _ok(_to(f"page-{n}")), parameters=listed),
        "post": {"tags": [tag], "responses": wild, "requestBody": _body(event)},
    }
    at = f"/groups/{n}"
    return {f"{at}/events": events, f"{at}/events/{{event-id}}": _one(n, tag, wild, nothing), **_files(n, tag, nothing)}


def _one(n: str, tag: str, wild: dict[str, Any], nothing: dict[str, Any]) -> dict[str, Any]:
    event, pets = _to(f"event_{n}"), _to(f"any-pet-{n}")
    deep = _query("where", {"type": "object", "properties": {"a": _TEXT}}, style="deepObject", explode=True)
    either = _body(event, "application/json", "application/xml", required=True)
    patch = _body({"type": "object"}, "application/merge-patch+json", required=True)
    vendor = _ok(pets, "application/vnd.public.v3+json")
    return {
        "parameters": [{"name": "event-id", "in": "path", "required": True, "schema": _TEXT}],
        "get": _operation(f"events.get.{n}", tag, vendor, parameters=[deep]),
        "put": _operation(f"{n}_replace", tag, _ok({"nullable": True, **event}), security=[], requestBody=either),
        "patch": _operation(f"import-{n}", tag, wild, requestBody=patch),
        "delete": _operation(f"deleteEvent{n}", tag, nothing, deprecated=True),
        "head": {"operationId": f"headEvent{n}", "responses": nothing},
    }


def _files(n: str, tag: str, nothing: dict[str, Any]) -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    upload = _object(["file"], file=binary, note=_TEXT, tags={"type": "array", "items": _TEXT})
    form = _object(["grant"], grant={"type": "string", "enum": ["a", "b"]}, scope=_TEXT)
    stream = "application/octet-stream"
    sent = _body(form, "application/x-www-form-urlencoded", required=True)
    parts = _body(upload, "multipart/form-data", required=True)
    return {
        f"/groups/{n}/files": {
            "post": _operation(f"upload{n}", tag, nothing, requestBody=parts),
            "put": _operation(f"raw{n}", tag, nothing, requestBody=_body(binary, stream)),
            "get": _operation(f"download{n}", tag, _ok(binary, stream)),
        },
        f"/groups/{n}/token": {"post": _operation(f"token{n}", tag, _ok(_to("strings")), requestBody=sent)},
    }


def habits() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what large specs hold and no Python package can have whole: by path, the method and the operation."""

    def get(name: str, responses: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
        return "get", _operation(name, more.pop("tag", "habits"), responses, **more)

    text = _ok(_TEXT)
    dotted = {"name": "b.c", "in": "path", "required": True, "schema": _TEXT}
    spaces = _query("a", {"type": "array", "items": _TEXT}, style="spaceDelimited", required=True)
    xml = _body(_TEXT, "application/xml", required=True)
    return {
        "/xml": ("post", _operation("xml", "habits", text, requestBody=xml)),
        "/pdf": get("pdf", _ok(_TEXT, "application/pdf")),
        "/redirect": get("redirect", {"302": {"description": "Elsewhere."}}),
        "/a/{b.c}": get("dotted", text, parameters=[dotted]),
        "/spaces": get("spaces", text, parameters=[spaces]),
        "/lost/{id}": get("undeclared", text),
        "/nowhere": get("nowhere", _ok(_to("Nowhere"))),
        "/session": get("session", text, tag="session"),
        "/twice": get("session", text),
        "/headers": get("headers", text, parameters=[_query("headers", _TEXT)]),
    }
