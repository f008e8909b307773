"""Is it a valid OpenAPI document that stands alone?"""

import json
import math
import re
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator, OpenAPIV32SpecValidator
from openapi_spec_validator.validation.exceptions import DuplicateOperationIDError, OpenAPIValidationError

from generator.lint.finding import Finding, Rule, error, shown
from generator.spec.document import Document, Pointer, pointer_of


def _remembering(base: Any) -> Any:
    """Return a validator that looks once at schemas that are equal, and into none that holds no other.

    A large spec repeats its small schemas; looking into one costs as much as all the rest of the linter.
    """
    schemas: Any = base.keyword_validators["schema"]

    class Schemas(schemas):  # type: ignore[misc]  # chosen by version
        def __call__(self, schema: Any, *arguments: Any, **options: Any) -> Any:
            value = schema.read_value()
            if options.get("meta_checked") and isinstance(value, dict) and _LOOKED_INTO.isdisjoint(value):
                return
            for problem in super().__call__(schema, *arguments, **options):
                yield _placed(problem, schema.parts)

        def _validate_schema_meta(self, schema: Any, schema_value: Any) -> Any:
            sound = self.__dict__.setdefault("sound", set())
            text = json.dumps(schema_value, sort_keys=True)
            if text in sound:
                return None
            if (problem := super()._validate_schema_meta(schema, schema_value)) is None:
                sound.add(text)
            return problem

    return type(base.__name__, (base,), {"keyword_validators": {**base.keyword_validators, "schema": Schemas}})


def _placed(problem: Any, parts: tuple[Any, ...]) -> Any:
    """Write the schema's own place before the one in there that a problem has; those of inner schemas have it."""
    if not hasattr(problem, "is_placed"):
        problem.is_placed = True
        # What does not come from the judge of schemas comes from that of the values of `default`.
        inside = problem.path if isinstance(problem, OpenAPIValidationError) else ("default",)
        problem.path = problem.relative_path = deque((*parts, *inside))
    return problem


_LOOKED_INTO: Final = frozenset(
    {"allOf", "anyOf", "default", "items", "nullable", "oneOf", "not", "properties", "required"}
)
_VALIDATORS: Final = {
    "3.0": _remembering(OpenAPIV30SpecValidator),
    "3.1": _remembering(OpenAPIV31SpecValidator),
    "3.2": _remembering(OpenAPIV32SpecValidator),
}

# So many times may one lead to another; the rule of `reference` has seen that none leads nowhere.
_REFERENCES: Final = 100
_VALUES: Final = {"const", "default", "enum", "example", "examples"}
_NAMED: Final = {"properties", "responses", "schemas", "parameters", "requestBodies", "headers", "variables", "mapping"}


def is_example(pointer: Pointer) -> bool:
    """Say whether a node is a value that the spec shows, and not part of the contract."""
    # The first step stands under the document itself. A response or a property may be *called* default.
    return any(step in _VALUES and before not in _NAMED for before, step in pairwise(("", *pointer)))


def references(document: Document) -> Iterator[Finding]:
    """`reference`: a `$ref` to a file or an address is never followed; one to nowhere is nothing."""
    for pointer, node in document.nodes:
        reference = node.get("$ref")
        if not isinstance(reference, str) or is_example(pointer):
            continue
        here = (*pointer, "$ref")
        if not reference.startswith("#/"):
            advice = "Move what it points to into this document, or allow files of a folder with --allow-refs."
            yield error(document, here, "reference", f"$ref {shown(reference)} leaves the document.", advice)
        elif document.resolve(node) is None:
            yield error(document, here, "reference", f"$ref {shown(reference)} leads nowhere.", "Mend its path.")


def valid(document: Document) -> Iterator[Finding]:
    """`invalid`: what openapi-spec-validator says, and versions that it does not know."""
    version = re.match(r"3\.[012](?=\.\d+$)", str(document.data.get("openapi")))
    if version is None:
        message = f"openapi is {shown(document.data.get('openapi'))}."
        yield error(document, ("openapi",), "invalid", message, "Write an OpenAPI 3.0.x, 3.1.x or 3.2.x document.")
        return
    if any(references(document)):  # the validator would go and fetch them
        return
    try:
        for each in _VALIDATORS[version[0]](document.data).iter_errors():
            if isinstance(each, DuplicateOperationIDError):  # `losses` says it with a line
                continue
            problem = _deepest(each)
            pointer = _pointer(document, problem)
            message = f"{'/'.join(pointer) or 'The document'}: {shown(getattr(problem, 'message', problem))}"
            yield error(document, pointer, "invalid", message, "See the OpenAPI specification.")
    except MemoryError:
        raise
    except Exception as failure:  # noqa: BLE001  (the validator raises anything on a document that is far off)
        message = f"The document cannot be validated: {shown(f'{type(failure).__name__}: {failure}')}."
        yield error(document, (), "invalid", message, "See the OpenAPI specification.")


def _deepest(problem: Any) -> Any:
    """Return the cause of a problem that stands deepest: where the choice was to write a schema or a reference."""
    causes = getattr(problem, "context", None) or []
    best = max(causes, key=lambda each: len(each.absolute_path), default=problem)
    return _deepest(best) if best is not problem and len(best.absolute_path) > len(problem.absolute_path) else problem


def _pointer(document: Document, problem: Any) -> Pointer:
    """Return where a problem is, behind the references on the way there."""
    pointer: Pointer = ()
    for step in tuple(map(str, getattr(problem, "absolute_path", ()))) or _place(str(problem)):
        node = document.at(pointer)
        for _ in range(_REFERENCES):
            if not isinstance(node, dict) or not isinstance(reference := node.get("$ref"), str) or step in node:
                break
            node = document.at(pointer := pointer_of(reference))
        pointer = (*pointer, step)
    return pointer


def _place(message: str) -> Pointer:
    """Return the operation that a message names, where the validator gives no place."""
    match = re.search(r"for '([a-z]+)' operation in '(.*)' was not resolved", message)
    return ("paths", match[2], match[1]) if match else ()


def numbers(document: Document) -> Iterator[Finding]:
    """`number`: infinity and NaN are no JSON, and Python has no literal for them."""
    for pointer, node in document.nodes:
        for key, value in node.items():
            if isinstance(value, float) and not math.isfinite(value) and not is_example(pointer):
                message = f"{shown(key)} is {value}, which is no JSON number."
                yield error(document, (*pointer, key), "number", message, "Write a finite number, or leave it out.")


RULES: Final[tuple[Rule, ...]] = (references, numbers, valid)
