"""The pairs of specs: `base.yaml`, and what each row of `pairs.yaml` makes of it."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
BASE: Final[dict[str, Any]] = yaml.safe_load((HERE / "base.yaml").read_text("utf-8"))
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "doc": (),
    "list": ("paths", "/pets", "get"),
    "create": ("paths", "/pets", "post"),
    "item": ("paths", "/pets/{petId}"),
    "delete": ("paths", "/pets/{petId}", "delete"),
    "rate": ("paths", "/ratings", "post"),
    "refresh": ("paths", "/auth/refresh", "post"),
    "scheme": ("components", "securitySchemes", "bearerAuth"),
    "contract": ("components", "securitySchemes", "bearerAuth", "x-signedin-refresh"),
    **{name: ("components", "schemas", name) for name in BASE["components"]["schemas"]},
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One edit of the base spec; `package` is the name under which its SDK is generated."""

    name: str
    level: str
    rule: str
    package: str
    spec: dict[str, Any]


def _steps(place: str) -> list[str]:
    alias, *rest = place.split(".")
    return [*_ALIASES[alias], *rest]


def _at(spec: Any, steps: list[str]) -> Any:
    for step in steps:
        spec = spec[int(step)] if isinstance(spec, list) else spec[step]
    return spec


def _edited(edits: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(BASE)
    for place, value in edits.items():
        *owner, last = _steps(place)
        node = _at(spec, owner)
        if isinstance(value, dict) and "$copy" in value:
            value = copy.deepcopy(_at(spec, _steps(value["$copy"])))  # noqa: PLW2901  (what stood for it)
        if isinstance(node, list):
            node[int(last) : int(last) + 1] = [] if value is None else [value]
        elif value is None:
            del node[last]
        else:
            node[last] = value
    return spec


_ROWS: Final = yaml.safe_load((HERE / "pairs.yaml").read_text("utf-8"))
PAIRS: Final = [
    Pair(name, level, rule, f"p{at:03}_sdk", _edited(edits)) for at, (name, level, rule, edits) in enumerate(_ROWS)
]
