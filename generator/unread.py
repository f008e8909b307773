"""What openapi-python-client cannot read of a spec that the linter accepts: asked for, taken away, told.

Upstream drops what it cannot read, and whatever refers to it. Here a schema that it cannot read loses its type, so that
what refers to it stays; an operation that it drops, or whose success it cannot read, is left out whole.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from openapi_python_client import schema as oai
from openapi_python_client.config import Config
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError as UpstreamError
from openapi_python_client.parser.errors import ParseError
from openapi_python_client.parser.properties import Schemas, build_schemas
from openapi_python_client.strings import ClassName, PythonIdentifier
from pydantic import ValidationError

from generator.document import Document
from generator.errors import PrintError
from generator.lint import Finding
from generator.lint.finding import shown, warning
from generator.operations import FIELD_PREFIX
from generator.partial import leave_out, untyped
from generator.printable import owner_of, printable
from generator.refusals import asking, misread, refused_operations, refused_schema

_ROUNDS: Final = 20
_RULE: Final = "upstream"


def readable(document: Document, config: Config) -> tuple[Document, list[Finding]]:
    """Return a document of which upstream drops nothing but what the findings say."""
    with asking(document):
        return _readable(document, config)


def _readable(document: Document, config: Config) -> tuple[Document, list[Finding]]:
    data, told = copy.deepcopy(document.data), list[Finding]()
    for _ in range(_ROUNDS):
        if not (refused := _refused_schemas(document.changed(data), config)):
            break
        for name, why in refused.items():
            untyped(data, name)
            message = f"Schema {shown(name)} cannot be read: {shown(why)}."
            told.append(warning(document, ("components", "schemas", name), _RULE, message, f"Left untyped: {name}."))
    for _ in range(_ROUNDS):
        parsed = _parsed(document, data, config)
        found = [*_refused_operations(document, parsed), *_shared_modules(document, data, parsed)]
        told += found
        removed = [each for each in found if each.advice.startswith("Left")]
        if not removed:
            break
        for finding in removed:
            leave_out(data, finding.pointer)
    return document.changed(data), list(dict.fromkeys(told))


def _refused_schemas(document: Document, config: Config) -> dict[str, str]:
    """Return the schemas that fail by themselves, and why; where all that fail need one another, all of them."""
    ours = printable(document)
    names = (document.data.get("components") or {}).get("schemas") or {}
    whole = _validated(ours)
    components = (whole.components and whole.components.schemas) or {}
    built = build_schemas(components=components, schemas=Schemas(), config=config)
    read = {reference.get_untrusted_value() for reference in built.classes_by_reference}
    nodes = {name.get_untrusted_value(): node for name, node in components.items()}
    missing = {name for name in nodes if f"/components/schemas/{name}" not in read}
    schemas = ours.at(("components", "schemas"))
    alone = {name for name in missing if not _needs(schemas[name]) & (missing - {name})}
    refused = {owner_of(name, names): _why(built.errors, nodes[name]) for name in sorted(alone or missing)}
    if not refused:  # upstream keeps a union whose members it has dropped
        found = [(refused_schema(ours, each), each) for each in built.errors]
        refused = {each.pointer[2]: _why([why], None) for each, why in found if len(each.pointer) > 2}
    return refused


def _validated(document: Document) -> oai.OpenAPI:
    try:
        return oai.OpenAPI.model_validate(document.data)
    except ValidationError as failure:
        found = [each.told(document.path) for each in misread(document, failure)]
        raise PrintError("\n".join(["openapi-python-client refuses it:", *found])) from failure


def _needs(node: Any) -> set[str]:
    if isinstance(node, list):
        return {name for each in node for name in _needs(each)}
    if not isinstance(node, dict):
        return set()
    reference = node.get("$ref")
    found = {reference.rpartition("/")[2]} if isinstance(reference, str) else set()
    return found | {name for each in node.values() for name in _needs(each)}


def _why(errors: list[ParseError], node: object) -> str:
    own = [each for each in errors if each.data is node] or errors
    return " ".join((own[0].detail or own[0].header).split()) if own else "for no reason that it tells"


def _parsed(document: Document, data: dict[str, Any], config: Config) -> GeneratorData:
    parsed = GeneratorData.from_dict(printable(document.changed(data)).data, config=config)
    if isinstance(parsed, UpstreamError):
        raise PrintError(f"{document.path}: openapi-python-client cannot read it: {parsed.header} {parsed.detail}")
    return parsed


def _shared_modules(document: Document, data: dict[str, Any], parsed: GeneratorData) -> Iterator[Finding]:
    """Inline schemas get names made of their surroundings; one may be the name of a schema."""
    modules = Counter(each.class_info.module_name for each in [*parsed.models, *parsed.enums])
    for name, node in (data["components"].get("schemas") or {} if "components" in data else {}).items():
        module = PythonIdentifier(ClassName(str(node.get("title") or name), FIELD_PREFIX), FIELD_PREFIX)
        if node and modules[module] > 1:
            message = f"Schema {shown(name)} and an inline schema both become models/{module}.py."
            yield warning(document, ("components", "schemas", name), _RULE, message, f"Left untyped: {name}.")


def _refused_operations(document: Document, parsed: GeneratorData) -> Iterator[Finding]:
    for each in refused_operations(document, parsed.endpoint_collections_by_tag.values()):
        status = each.status
        whole = status is None or status.startswith("2") or status == "default"
        said = f"{each.pointer[2].upper()} {each.pointer[1]}"
        advice = f"Left out: {said}." if whole else "The error's `body` is untyped."
        yield warning(document, each.pointer[:3], _RULE, each.message, advice)
