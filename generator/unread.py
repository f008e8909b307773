"""What openapi-python-client cannot read of a spec that the linter accepts: asked for, taken away, told.

Upstream drops what it cannot read, and whatever refers to it. Here a schema that it cannot read loses its type, so that
what refers to it stays; an operation that it drops, or whose success it cannot read, is left out whole.
"""

import copy
import re
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

from generator.document import Document
from generator.errors import PrintError
from generator.lint import Finding
from generator.lint.finding import shown, warning
from generator.operations import FIELD_PREFIX
from generator.partial import leave_out, untyped

_ROUNDS: Final = 20
_RULE: Final = "upstream"


def readable(document: Document, config: Config) -> tuple[Document, list[Finding]]:
    """Return a document of which upstream drops nothing but what the findings say."""
    data, told = copy.deepcopy(document.data), list[Finding]()
    for _ in range(_ROUNDS):
        if not (refused := list(_refused_schemas(data, config))):
            break
        for name, why in refused:
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


def _refused_schemas(data: dict[str, Any], config: Config) -> Iterator[tuple[str, str]]:
    """Yield the schemas that fail by themselves; where all that fail need one another, all of them."""
    whole = oai.OpenAPI.model_validate(data)
    components = (whole.components and whole.components.schemas) or {}
    built = build_schemas(components=components, schemas=Schemas(), config=config)
    read = {reference.get_untrusted_value() for reference in built.classes_by_reference}
    names = {name.get_untrusted_value(): node for name, node in components.items()}
    missing = {name for name in names if f"/components/schemas/{name}" not in read}
    alone = {name for name in missing if not _needs(data["components"]["schemas"][name]) & (missing - {name})}
    for name in sorted(alone or missing):
        yield name, _why(built.errors, names[name])


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
    parsed = GeneratorData.from_dict(data, config=config)
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
    for collection in parsed.endpoint_collections_by_tag.values():
        for each in collection.parse_errors:
            said = re.match(r"WARNING parsing ([A-Z]+) (.*) within ", each.header, re.DOTALL)
            if said is None:
                continue
            pointer = ("paths", said[2], said[1].lower())
            why = " ".join((each.detail or "").split())
            whole = each.header.endswith("will not be generated.") or re.search(r"status code (2|default)", why)
            advice = f"Left out: {said[1]} {said[2]}." if whole else "The error's `body` is untyped."
            yield warning(document, pointer, _RULE, f"{said[1]} {shown(said[2])}: {shown(why)}.", advice)
