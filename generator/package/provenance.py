"""`_provenance.json`: what a generated package was made of. No times, no paths of a machine: same input, same bytes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from generator.package.pins import PINS
from generator.package.upstream import digest, templates
from generator.spec.document import Document

NAME: Final = "_provenance.json"


def files(package: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a package by their names in it, without Python's caches."""
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(package).as_posix(), path


def write_provenance(document: Document, package: Path) -> None:
    """Write down what the package was made of."""
    value = {
        "files": {name: digest(path.read_bytes()) for name, path in files(package) if name != NAME},
        "generator": PINS,
        "spec": _spec(document),
        "templates": {each.name: {"override": each.override, "upstream": each.upstream} for each in templates()},
    }
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True)
    (package / NAME).write_text(f"{text}\n", encoding="utf-8", newline="\n")


def _spec(document: Document) -> dict[str, Any]:
    referred = {name: digest(content) for name, content in document.referred.items()}
    files = document.overlaid.documents if document.overlaid else ()
    overlays = [{"name": each.path.name, "sha256": digest(each.content)} for each in files]
    return {
        "sha256": digest(document.content),
        **({"references": referred} if referred else {}),
        **({"overlays": overlays} if overlays else {}),
    }


def read_provenance(package: Path) -> dict[str, Any]:
    """Return what is written, or nothing if that is not readable."""
    try:
        value = json.loads((package / NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
