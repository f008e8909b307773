"""What openapi-python-client cannot read of a spec that the linter accepts: read, taken away, reported.

Upstream drops what it cannot read, and whatever refers to it. Here a schema that it cannot read loses its type, so that
what refers to it stays; an operation that it drops, or whose success it cannot read, is left out whole.
"""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import evolve
from openapi_python_client import schema as oai
from openapi_python_client.config import Config
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError as UpstreamError
from openapi_python_client.parser.properties import Schemas, build_schemas
from openapi_python_client.schema import UntrustedString
from pydantic import ValidationError

from generator.errors import GenerateError
from generator.lint import Finding
from generator.lint.finding import error, shown
from generator.mend.mends import leave_out, untyped_answer
from generator.package.refusals import RULE, asking, misread, refusals, refused_schema, upstream_findings
from generator.package.rewrite import owner_of, rewrite
from generator.spec.document import Document, Pointer, pointer_of

_ROUNDS: Final = 20


def readable(document: Document, config: Config) -> tuple[Document, list[Finding]]:
    """Return a document of which upstream drops nothing but what the findings say.

    Raises:
        GenerateError: It refuses what stands in no schema and in no operation; the text names the lines.
    """
    with asking(document):
        return _readable(document, config)


def _readable(document: Document, config: Config) -> tuple[Document, list[Finding]]:
    data, report = copy.deepcopy(document.data), list[Finding]()
    _drop_unused(document.changed(data), data)
    for refused in (_refused_schemas, _refused):
        for _ in range(_ROUNDS):
            problems = upstream_findings(document.changed(data), lambda each, ask=refused: list(ask(each, config)))  # type: ignore[misc]
            due = list({each.pointer: each for each in problems}.values())
            if not due:
                break
            report += [each for finding in due if (each := _without(data, document, finding))]
        else:
            raise _beyond(document, due)
    return document.changed(data), list(dict.fromkeys(report))


def without(document: Document, failing: Iterable[Finding], config: Config) -> tuple[Document, list[Finding]]:
    """Return a document without the operations and the types of the schemas that do not pass their trial."""
    data = copy.deepcopy(document.data)
    report = [evolve(each, advice=leave_out(data, each.pointer) or "", is_error=False) for each in failing]
    changed, more = readable(document.changed(data), config)
    return changed, [*report, *more]


def _drop_unused(document: Document, data: dict[str, Any]) -> None:
    """Take away the parameters that no operation has: nothing is generated of them, and upstream reads them all."""
    used = {pointer_of(str(node["$ref"])) for _, node in document.nodes if "$ref" in node}
    components = data.get("components") or {}
    if parameters := components.get("parameters"):
        names = [name for name in parameters if ("components", "parameters", name) in used]
        components["parameters"] = {name: parameters[name] for name in names}


def _without(data: dict[str, Any], document: Document, finding: Finding) -> Finding | None:
    """Take away the least that may help, and say what it is; None if it has gone with something else."""
    pointer = _own(data, finding.pointer)
    if document.changed(data).at(pointer[:3]) is None and document.at(pointer[:3]) is not None:
        return None
    if (done := _less(data, pointer)) is None:
        raise _beyond(document, [finding])
    file, line = document.where(pointer)
    return evolve(finding, file=file, line=line, advice=done, is_error=False)


def _less(data: dict[str, Any], pointer: Pointer) -> str | None:
    if pointer[:1] == ("paths",) and pointer[3:4] == ("responses",) and pointer[4][:1] not in {"2", "d"}:
        return untyped_answer(data, pointer[:5])  # neither a success nor the default
    return leave_out(data, pointer)


def _own(data: dict[str, Any], pointer: Pointer) -> Pointer:
    """Return the place in the spec of a place in what is generated of it."""
    if pointer[:2] != ("components", "schemas") or len(pointer) < 3:
        return pointer
    return (*pointer[:2], owner_of(pointer[2], data["components"]["schemas"]))


def _beyond(document: Document, findings: list[Finding]) -> GenerateError:
    lines = [each.text(document.path) for each in findings]
    return GenerateError("\n".join(["openapi-python-client refuses it, and leaving out does not help:", *lines]))


def _refused_schemas(document: Document, config: Config) -> Iterator[Finding]:
    """Yield the schemas that fail by themselves, and why; where all that fail need one another, all of them."""
    ours = rewrite(document)
    try:
        whole = oai.OpenAPI.model_validate(ours.data)
    except ValidationError as failure:
        yield from misread(ours, failure)
        return
    components = (whole.components and whole.components.schemas) or {}
    built = build_schemas(components=components, schemas=Schemas(), config=config)
    read = {reference.get_untrusted_value() for reference in built.classes_by_reference}
    missing = {
        name
        for name in map(UntrustedString.get_untrusted_value, components)
        if f"/components/schemas/{name}" not in read
    }
    schemas = ours.at(("components", "schemas"))
    alone = {name for name in missing if not _needs(schemas[name]) & (missing - {name})}
    why = {
        each.pointer[2]: each for each in (refused_schema(ours, error) for error in built.errors) if each.pointer[2:]
    }
    for name in sorted(alone or missing):
        unknown = error(document, ("components", "schemas", name), RULE, f"Schema {shown(name)} cannot be read.", "")
        yield why.get(name, unknown)
    if not missing:  # upstream keeps a union whose members it has dropped
        yield from why.values()


def _needs(node: Any) -> set[str]:
    if isinstance(node, list):
        return {name for each in node for name in _needs(each)}
    if not isinstance(node, dict):
        return set()
    reference = node.get("$ref")
    due = {reference.rpartition("/")[2]} if isinstance(reference, str) else set()
    return due | {name for each in node.values() for name in _needs(each)}


def _refused(document: Document, config: Config) -> Iterator[Finding]:
    ours = rewrite(document)
    parsed = GeneratorData.from_dict(ours.data, config=config)
    return refusals(ours if isinstance(parsed, UpstreamError) else document, parsed)
