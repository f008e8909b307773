"""All that differs between two documents, the worst first."""

import json
from collections.abc import Iterator

from openapi_python_client.strings import ClassName

from generator.diff.change import Change, Level
from generator.diff.contract import compare_contract
from generator.diff.normal import normal
from generator.diff.operations import Operations
from generator.errors import SpecError
from generator.lint.losses import identifiers
from generator.lint.validity import references
from generator.spec.document import Document


def compare(old: Document, new: Document) -> list[Change]:
    """Return the differences, the worst first; each one once, however many operations it concerns.

    Raises:
        SpecError: A document is so odd that it cannot be compared; `lint` says how.
    """
    for document in (old, new):
        _require_comparable(document)
    try:
        differences = {*Operations(old, new).compare(), *_classes(old, new), *compare_contract(old, new)}
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise SpecError(f"{old.path} and {new.path}: cannot be compared ({type(error).__name__}). Run lint.") from error
    if not differences and json.dumps(old.data) != json.dumps(
        new.data
    ):  # as text: an order is something that users see
        text = "texts, examples, the order, or what no method shows"
        differences = {Change("documentation-changed", Level.PATCH, "the document", text)}
    return sorted(differences, key=lambda each: (-each.level, each.where, each.rule, each.message))


def _require_comparable(document: Document) -> None:
    """Refuse what would be compared without being seen: what stands in other files, and what no name tells apart."""
    problems = [*references(document), *identifiers(document)]
    if problems:
        lines = "\n".join(each.text(document.path) for each in problems[:3])
        more = f"\nand {len(problems) - 3} more" if len(problems) > 3 else ""
        raise SpecError(f"{document.path}: cannot be compared as a whole.\n{lines}{more}")


def _classes(old: Document, new: Document) -> Iterator[Change]:
    """A class is imported by its name, so a schema that is called otherwise is gone."""
    before, after = _class_names(old), _class_names(new)
    for name in before - after:
        yield Change("api-schema-removed", Level.BREAKING, f"components/schemas/{name}", f"the class {name} is gone")


def _class_names(document: Document) -> set[str]:
    schemas = document.at(("components", "schemas"))
    named = {name: normal(document, {"$ref": f"#/components/schemas/{name}"}) for name in schemas or {}}
    return {str(ClassName(each.name, "field_")) for each in named.values() if each.name}
