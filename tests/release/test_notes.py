"""What the changelog has of a comparison: each change once, under its heading, in the names that users type."""

from pathlib import Path
from typing import Any

import yaml

from generator.diff.change import Change, Level
from generator.release.changelog import Names, noticed
from generator.spec.document import Document

SPEC = """
paths:
  /things/{id}:
    get: {operationId: getThing, tags: [things], summary: Return one `thing`.}
    put: {operationId: putThing, tags: [things]}
components:
  schemas:
    new_thing: {type: object, title: New thing}
"""


def notes_of(*changes: Change) -> dict[str, list[str]]:
    document: dict[str, Any] = yaml.safe_load(SPEC)
    return noticed(changes, Names.of(Document(Path("openapi.yaml"), b"", document)))


def minor(rule: str, where: str = "getThing", message: str = "x") -> Change:
    return Change(rule, Level.MINOR, where, message)


def breaking(rule: str, where: str = "getThing", message: str = "x") -> Change:
    return Change(rule, Level.BREAKING, where, message)


def test_new_method_is_listed_by_its_name_and_its_summary() -> None:
    assert notes_of(minor("endpoint-added", "getThing", "GET /things was added")) == {
        "added": ["- `client.things.get_thing()`: Return one \\`thing\\`."]
    }
    assert notes_of(minor("endpoint-added", "putThing", "PUT /things was added")) == {
        "added": ["- `client.things.put_thing()`: PUT /things was added."]
    }


def test_what_breaks_is_marked_and_comes_with_what_a_user_does() -> None:
    change = breaking("new-required-request-property", "components/schemas/new_thing", "aB was added and is required")
    assert notes_of(minor("endpoint-deprecated"), change) == {
        "changed": ["- **Breaking:** `NewThing`: aB was added and is required. Pass it in every call."],
        "deprecated": ["- `client.things.get_thing()`: x."],
    }


def test_places_are_named_as_a_program_names_them() -> None:
    where = ["components/schemas/new_thing/fullName", "getThing/limit", "servers", "components/schemas/gone"]
    [lines] = notes_of(*(minor("other", each, each) for each in where)).values()
    named = [line.partition(":")[0] for line in lines]
    assert named == [
        "- `NewThing.full_name`",
        "- `client.things.get_thing()`, `limit`",
        "- `servers`",
        "- `components/schemas/gone`",
    ]


def test_each_kind_of_change_has_its_heading() -> None:
    headings = {
        "added": ["new-optional-request-property", "request-property-enum-value-added", "refresh-contract-added"],
        "changed": ["request-parameter-max-increased", "api-security-removed", "request-property-pattern-removed"],
        "deprecated": ["endpoint-deprecated"],
        "removed": ["response-non-success-status-removed"],
        "fixed": ["api-path-changed", "request-property-renamed", "request-parameter-moved"],
    }
    for heading, rules in headings.items():
        for rule in rules:
            assert notes_of(minor(rule)).keys() == {heading}, rule
    assert notes_of(breaking("api-removed-without-deprecation")).keys() == {"removed"}
    assert notes_of(breaking("api-operation-id-removed")).keys() == {"changed"}
    assert notes_of(breaking("request-body-added-required")).keys() == {"changed"}
    texts = Change("documentation-changed", Level.PATCH, "the document", "texts")
    assert notes_of(texts) == {"changed": ["- Texts and examples of the documentation; no method changes."]}


def test_change_in_both_directions_is_listed_once_as_what_breaks() -> None:
    both = minor("response-property-max-length-decreased"), breaking("request-property-max-length-decreased")
    assert [line.startswith("- **Breaking:**") for line in notes_of(*both)["changed"]] == [True]


def test_what_the_packages_show_of_a_listed_change_is_not_listed_again() -> None:
    removed = breaking("api-removed-without-deprecation", "getThing", "GET /things was removed")
    shown = [
        breaking("python-api-changed", f"resources.things.{name}.get_thing", "public object was removed: get_thing")
        for name in ("Things", "AsyncThings")
    ]
    program = breaking("consumer-does-not-type-check", "p.py", '"Things" has no attribute "get_thing"')
    assert notes_of(removed, *shown, program).keys() == {"removed"}
    other = breaking("consumer-does-not-type-check", "p.py", '"Client" has no attribute "close"')
    assert len(notes_of(removed, *shown, program, other)["changed"]) == 1
    assert len(notes_of(*shown)["changed"]) == 1
