"""Values as they went over the wire, held against their schemas: JSON as it is, texts as what they stand for.

Queries, headers and forms hold texts; a text is as its schema says if any reading of it is. A line names the place and
the rule, never the value.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from openapi_schema_validator import OAS30Validator, OAS31Validator, oas30_format_checker, oas31_format_checker

from generator.lint.finding import shown
from generator.spec.document import Document

Schema = dict[str, Any]
_VALIDATORS: Final = {"3.0": (OAS30Validator, oas30_format_checker), "3.1": (OAS31Validator, oas31_format_checker)}
_PART: Final = re.compile(rb'content-disposition:[^\r\n]*?\bname="([^"\r\n]*)"', re.IGNORECASE)


def value_problems(document: Document, where: str, schema: Schema, instance: Any) -> Iterator[str]:
    """Yield how a value of JSON differs from a schema."""
    # The references inside a schema start at the document's root.
    whole = {**schema, "components": document.data.get("components") or {}}
    validator, checker = _VALIDATORS.get(str(document.data.get("openapi"))[:3], _VALIDATORS["3.1"])
    for error in validator(whole, format_checker=checker).iter_errors(instance):
        yield f"{where}: /{'/'.join(map(str, error.absolute_path))} violates {error.validator} of the schema"


def text_problems(document: Document, where: str, schema: Schema, texts: Sequence[str]) -> Iterator[str]:
    """Yield how the texts of one name differ from a schema, in the reading that fits best."""
    readings = (list(value_problems(document, where, schema, each)) for each in _readings(texts))
    yield from min(readings, key=len)


def _readings(texts: Sequence[str]) -> Iterator[Any]:
    parts = list(texts)
    if len(texts) == 1:
        yield texts[0]
        yield _literal(texts[0])
        parts = texts[0].split(",")
    yield parts
    yield list(map(_literal, parts))


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def query_problems(
    document: Document, where: str, parameters: Iterable[dict[str, Any]], keys: Iterable[str], url: str
) -> Iterator[str]:
    """Yield how a query differs from the parameters; `keys` are those of the security schemes."""
    sent = parse_qs(urlsplit(url).query, keep_blank_values=True)
    described = {str(each["name"]): each for each in parameters if each.get("in") == "query"}
    objects = {name for name, each in described.items() if _is_object(document, each.get("schema"))}
    for name, parameter in described.items():
        if name in sent and name not in objects:
            yield from text_problems(document, f"{where}: query {name}", parameter.get("schema") or {}, sent[name])
        elif name not in objects and parameter.get("required"):
            yield f"{where}: query parameter {name} is missing"
    if not objects:  # which are written as parameters of any name
        for name in sorted(sent.keys() - described.keys() - set(keys)):
            yield f"{where}: query parameter {shown(name)} is not documented"


def header_problems(
    document: Document, where: str, described: Mapping[str, Any], headers: Mapping[str, str]
) -> Iterator[str]:
    """Yield how headers differ from what the spec has for them; others may be there."""
    for name, node in described.items():
        header, value = document.resolve(node) or {}, headers.get(name.lower())
        if value is not None:
            yield from text_problems(document, f"{where}: header {name}", header.get("schema") or {}, [value])
        elif header.get("required"):
            yield f"{where}: header {name} is missing"


def form_problems(document: Document, where: str, schema: Schema, kind: str, body: bytes | str) -> Iterator[str]:
    """Yield how a form differs from a schema: its names; where it is no form of parts, the values, too."""
    raw = body.encode() if isinstance(body, str) else body
    if kind == "multipart/form-data":
        sent = {name.decode(errors="replace"): [""] for name in _PART.findall(raw)}
    else:
        sent = parse_qs(raw.decode(errors="replace"), keep_blank_values=True)
    required, properties = _members(document, schema)
    yield from (f"{where}: field {name} is missing" for name in sorted(required - sent.keys()))
    if kind != "multipart/form-data":
        for name in sorted(sent.keys() & properties.keys()):
            yield from text_problems(document, f"{where}: field {name}", properties[name], sent[name])


def _members(
    document: Document, schema: Any, seen: frozenset[str] = frozenset()
) -> tuple[frozenset[str], dict[str, Any]]:
    """Return what is required of an object and its properties, with what it is composed of."""
    reference = schema.get("$ref")
    node = document.resolve(schema) or {}
    required, properties = frozenset(node.get("required") or ()), dict(node.get("properties") or {})
    for part in () if reference in seen else node.get("allOf") or ():
        more, others = _members(document, part, seen | ({reference} if reference else set()))
        required, properties = required | more, {**others, **properties}
    return required, properties


def _is_object(document: Document, schema: Any) -> bool:
    node = document.resolve(schema) or {}
    return node.get("type") == "object" or bool(node.get("properties") or node.get("additionalProperties"))
