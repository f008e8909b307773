# ruff: noqa: RUF001  (letters that look like others are what some of these are made of)
"""Texts that try to become code, to leave a folder or to deceive a reader, and specs that put one into every sink."""

import re
from collections.abc import Callable
from typing import Any, Final

from tests.generator.specs import minimal

CANARY: Final = "CANARY"
TOUCH: Final = f"__import__('pathlib').Path('{CANARY}').touch()"

TEXTS: Final = {
    "double quote": f'"; {TOUCH}; "',
    "double quote in a call": f'", {TOUCH}, "',
    "double quote in a mapping": f'": {TOUCH}, "',
    "single quote": f"'+{TOUCH}+'",
    "closing everything": f'")]}}\n{TOUCH}\n#',
    "docstring": f'x"""\n{TOUCH}\n"""',
    "single docstring": f"x'''\n{TOUCH}\n'''",
    "quote at the end": 'x"',
    "quotes around": f'"{TOUCH}"',
    "newline": f"x\n{TOUCH}\n#",
    "carriage return": f"x\r{TOUCH}\r#",
    "vertical tab and form feed": f"x\x0b{TOUCH}\x0c#",
    "next line": f"x\x85{TOUCH}",
    "line separator": f"x\u2028{TOUCH}",
    "paragraph separator": f"x\u2029{TOUCH}",
    "f-string": f"x{{{TOUCH}}}",
    "format": "x{0.__class__.__init__.__globals__}",
    "percent": "x%(__class__)s%n%s",
    "template": f"x{{{{ {TOUCH} }}}} {{% include 'x' %}}",
    "template of a class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "backslash": "x\\",
    "backslash and quote": f'x\\"; {TOUCH}; #',
    "two backslashes and quote": f'x\\\\"; {TOUCH}; #',
    "escape": "\\N{BULLET}\\x41\\u0041\\",
    "octal escape": "\\042\\042\\042",
    "null": f"x\x00{TOUCH}",
    "path": f"../../../../{CANARY}",
    "absolute path": f"/tmp/{CANARY}",
    "windows path": f"..\\..\\{CANARY}",
    "dunder": "__init__",
    "class dunder": "__class__",
    "import dunder": "__import__",
    "keyword": "class",
    "soft keyword": "match",
    "constant": "None",
    "builtin": "exec",
    "module": "os",
    "full width": "ｅｘｅｃ",
    "ligature": "ﬁeld",
    "bidi override": f"x\u202e{TOUCH}\u202c",
    "bidi isolate": f"x\u2066{TOUCH}\u2069",
    "zero width": "pass\u200bword",
    "homoglyph": "\u0430ccess",
    "byte order mark": f"\ufeff{TOUCH}",
    "coding": "-*- coding: utf-7 -*-",
    "comment": f"# type: ignore\n{TOUCH}",
    "long": "a" * 5_000,
    "long escape": '\\"' * 2_000,
    "shell": f"$(touch {CANARY}); `touch {CANARY}` | touch {CANARY}",
    "header": f"x\r\nSet-Cookie: {CANARY}=1",
    "walrus": f"[x:={TOUCH}]",
    "annotation": f"str = {TOUCH}",
    "comprehension": f"[x for x in [{TOUCH}]]",
    "lambda": f"x=lambda x={TOUCH}: x",
    "encoding": f"# -*- coding: utf-7 -*-\n+AC8-\n{TOUCH}",
    "type comment": f"x # type: {TOUCH}",
    "decorator": f"@{TOUCH}\ndef x(): pass",
}


def strings(text: str) -> dict[str, Any]:
    """Return a spec with the text wherever a string is generated."""
    fields = {
        text: {"type": "string", "description": text, "example": text, "default": text, "format": text, "title": text},
        "choice": {"type": "string", "enum": ["a", text], "description": text},
        "fixed": {"const": text},
        "several": {"oneOf": [{"type": "string", "const": text}, {"type": "integer"}]},
        "secret": {"type": "string", "format": "password", "default": text},
        "anything": {"default": [text, {text: text}]},
        "matched": {"type": "string", "pattern": text, "x-anything": {text: text}},
    }
    thing = {"type": "object", "required": [text], "properties": fields, "description": text, "example": {text: text}}
    parameters = [
        {"name": text, "in": where, "schema": {"type": "string", "default": text}, "description": text}
        for where in ("query", "header", "cookie")
    ]
    answer = {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    get = {
        "operationId": "getOk",
        "tags": ["things"],
        "summary": text,
        "description": text,
        "parameters": parameters,
        "responses": {"200": answer, "400": answer},
        "deprecated": True,
        "x-signedin-tokens": {"effect": "revokes", "request": {"refreshToken": text}},
        "x-anything": text,
    }
    other = {"operationId": "getOther", "tags": ["things"], "responses": {"200": answer}}
    return {
        "openapi": "3.1.0",
        "info": {"title": text, "version": text, "description": text},
        "servers": [{"url": "https://" + text}],
        "tags": [{"name": "things", "description": text}],
        "paths": {"/ok": {"get": get}, "/" + re.sub(r"{(\w+)}", r"\1", text): {"get": other}},
        "components": {
            "schemas": {"Thing": thing},
            "securitySchemes": {text: {"type": "http", "scheme": "bearer", "x-signedin-refresh": _refresh(text)}},
        },
    }


def _refresh(text: str) -> dict[str, Any]:
    return {
        "operationId": "getOk",
        "request": {"refreshToken": text},
        "response": {"accessToken": text, "refreshToken": text},
        "expired": {"status": 401, "property": text, "equals": text},
        "dead": [400],
        "grace": {"header": text, "seconds": 1, "times": 1},
    }


def names(text: str) -> dict[str, Any]:
    """Return a spec with the text in the names of an operation and a resource."""
    spec = strings("x")
    spec["paths"]["/ok"]["get"] |= {"operationId": text, "tags": [text]}
    spec["components"]["securitySchemes"]["x"]["x-signedin-refresh"]["operationId"] = text
    return spec


def schema_names(text: str) -> dict[str, Any]:
    """Return a spec with the text in the names of schemas, of the document and of inline ones."""
    spec = strings("x")
    schemas = spec["components"]["schemas"]
    inline = {"enum": ["a"], "title": f"{text}3"}
    schemas[f"{text}1"] = {"type": "object", "properties": {"inline": inline}}
    schemas["Titled"] = {"type": "object", "title": f"{text}2"}
    schemas["Named"] = {"type": "string", "enum": ["a", "b"], "x-enum-varnames": [text, "b"]}
    return spec


def around_a_call(text: str) -> dict[str, Any]:
    """Return a spec with the text in a server's variables, in scopes, in a login's addresses, behind a media type."""
    spec = media_types(text, "application/json; profile={}")
    spec["paths"]["/things"]["get"]["security"] = [{"login": [text, "read"]}]
    variable = {"default": text, "enum": [text], "description": text}
    spec["servers"] = [{"url": "https://{" + text + "}.example/{v}", "variables": {text: variable, "v": variable}}]
    flow = {"authorizationUrl": text, "tokenUrl": text, "refreshUrl": text, "scopes": {text: text, "read": text}}
    spec["components"]["securitySchemes"] = {"login": {"type": "oauth2", "flows": {"authorizationCode": flow}}}
    return spec


def path_parameters(text: str) -> dict[str, Any]:
    """Return a spec with the text as the name of a parameter in a path."""
    spec = minimal()
    [item] = spec["paths"].values()
    item["parameters"] = [{"name": text, "in": "path", "required": True, "schema": {"type": "string"}}]
    spec["paths"] = {f"/things/{{{text}}}": item}
    return spec


def media_types(text: str, pattern: str = "application/vnd.{}+json") -> dict[str, Any]:
    """Return a spec with the text in the media type of a request."""
    spec = minimal()
    get = spec["paths"]["/things"]["get"]
    content = get["responses"]["200"]["content"]["application/json"]
    body = {"required": True, "content": {pattern.replace("{}", text): content}}
    spec["paths"]["/things"]["put"] = {**get, "operationId": "putThing", "requestBody": body}
    return spec


Sink = Callable[[str], dict[str, Any]]
SINKS: Final[dict[str, Sink]] = {
    "strings": strings,
    "names": names,
    "schema names": schema_names,
    "around a call": around_a_call,
    "path parameters": path_parameters,
    "media types": media_types,
}
# Where openapi-python-client itself lets only some texts through.
CHOOSY: Final = ("path parameters", "media types")
