"""What is wrong with the fields of `x-signedin-refresh` and `x-signedin-tokens`, by `extensions.schema.yaml`.

Whether the fields fit the operations is for `extensions`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from openapi_schema_validator import OAS31Validator
from ruamel.yaml import YAML

from generator.lint.finding import shown
from generator.spec.document import Pointer

REFRESH: Final = "x-signedin-refresh"
EFFECTS: Final = ("issues", "revokes")
SCHEMA: Final[dict[str, Any]] = YAML(typ="safe", pure=True).load(Path(__file__).with_name("extensions.schema.yaml"))
_SHAPES: Final = {kind: OAS31Validator({**SCHEMA, "$ref": f"#/$defs/{kind}"}) for kind in SCHEMA["$defs"]}


def problems(kind: str, value: Any) -> list[tuple[Pointer, str]]:
    """Return what is wrong with a value of a kind of the schema, and where inside it."""
    errors = _SHAPES[kind].iter_errors(value)
    return list(dict.fromkeys(problem for each in errors for problem in _sentences(each)))


def _sentences(error: Any) -> Iterator[tuple[Pointer, str]]:
    at, schema = tuple(map(str, error.absolute_path)), error.schema
    if error.validator == "additionalProperties":
        text = f"is not among the fields here: {', '.join(schema['properties'])}"
        yield from (((*at, name), text) for name in error.instance.keys() - schema["properties"].keys())
    elif error.validator is None:
        yield at, "has no place beside the other fields"
    elif "propertyNames" in error.absolute_schema_path:
        yield (*at, error.instance), schema["errorMessage"]
    elif message := schema.get("errorMessage"):
        yield at, message
    elif error.validator == "required":
        yield from ((at, f"must have {name}") for name in error.validator_value if name not in error.instance)
    elif error.validator == "enum":
        yield at, f"must be {' or '.join(error.validator_value)}"
    else:
        yield at, f"must be a map of {', '.join(schema['properties'])}"


def labelled(at: Pointer, message: str, name: str) -> str:
    """Return a problem as a sentence about the field that it stands in."""
    return f"{'.'.join((name, *(shown(step)[1:-1] for step in at)))} {message}."


def header(value: object) -> str | None:
    """Return what is wrong with the name of a header, None if a request may set it."""
    return next((message for _, message in problems("header", value)), None)
