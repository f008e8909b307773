"""`--allow-refs FOLDER`: brings what `$ref`s of files point to into the document, which then stands alone.

Only files inside the folder are read, wherever links and dots lead. What is elsewhere stays as it is written, and is
refused by `lint`: no address is ever fetched, allowed or not.
"""

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from attrs import define, field

from generator.errors import SpecError
from generator.spec.document import Document, load, pointer_of

# Below which keys what stands there, or each thing that stands there, is of which kind.
_ITSELF: Final = {
    **dict.fromkeys(("schema", "items", "additionalProperties", "not", "contains"), "schemas"),
    "requestBody": "requestBodies",
}
_EACH: Final = {
    **dict.fromkeys(("properties", "patternProperties", "allOf", "anyOf", "oneOf", "prefixItems"), "schemas"),
    **{kind: kind for kind in ("schemas", "parameters", "responses", "headers", "requestBodies", "securitySchemes")},
    "paths": "paths",
}
_MOST_NESTED: Final = 50


def bundled(document: Document, folder: Path) -> Document:
    """Return the document with what it refers to in files of the folder.

    Raises:
        SpecError: A file cannot be read, or paths refer to one another without end.
    """
    bundle = _Bundle(document, folder.resolve())
    data = bundle.walked(document.data, document.path.resolve())
    components = data.setdefault("components", {}) if bundle.added else {}
    for (kind, name), node in bundle.added.items():
        components.setdefault(kind, {})[name] = node
    files = {path.relative_to(bundle.folder).as_posix(): each.content for path, each in sorted(bundle.files.items())}
    return document.changed(data, files)


@define(eq=False)
class _Bundle:
    document: Document
    folder: Path
    files: dict[Path, Document] = field(factory=dict)
    added: dict[tuple[str, str], Any] = field(factory=dict)
    _names: dict[tuple[Path, str], str] = field(factory=dict)
    _depth: int = 0

    def walked(self, node: Any, base: Path, kind: str | None = None, each: str | None = None) -> Any:
        """Return a copy; `kind` is what the node is, `each` what its children are, where the place tells."""
        if isinstance(node, list):
            return [self.walked(item, base, each) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(reference := node.get("$ref"), str) and kind:
            return self._referred(node, reference, base, kind)
        if each:
            return {key: self.walked(value, base, each) for key, value in node.items()}
        return {key: self.walked(value, base, _ITSELF.get(key), _EACH.get(key)) for key, value in node.items()}

    def _referred(self, node: Any, reference: str, base: Path, kind: str) -> Any:
        main = self.document.path.resolve()
        path = self._path(reference, base)
        if path is None:
            return node
        fragment = reference.partition("#")[2]
        if path == main:
            return {"$ref": f"#{fragment}"}
        target = self._read(path)
        referred = target.at(pointer_of(f"#{fragment}")) if fragment else target.data
        if referred is None:
            return node
        if kind == "paths":  # components have no place for them, so they stand where they are referred to
            return self._inlined(referred, path)
        return {"$ref": f"#/components/{kind}/{self._name(kind, path, fragment, referred)}"}

    def _path(self, reference: str, base: Path) -> Path | None:
        """Return the file that is meant; None for what is no file of the folder."""
        name = unquote(reference.partition("#")[0])
        if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|[/\\]", name) or "\\" in name or "\0" in name:
            return None
        path = (base.parent / name).resolve() if name else base
        return path if path.is_relative_to(self.folder) and path.is_file() else None

    def _read(self, path: Path) -> Document:
        if path not in self.files:
            self.files[path] = load(path)
        return self.files[path]

    def _inlined(self, referred: Any, path: Path) -> Any:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise SpecError(f"{path}: paths refer to one another without end.")
        inlined = self.walked(referred, path, "paths")
        self._depth -= 1
        return inlined

    def _name(self, kind: str, path: Path, fragment: str, referred: Any) -> str:
        key = (path, f"{kind} {fragment}")
        if key not in self._names:
            wanted = re.sub(r"[^A-Za-z0-9._-]", "_", fragment.rpartition("/")[2] or path.stem)
            taken = {*(self.document.at(("components", kind)) or {}), *(name for at, name in self.added if at == kind)}
            names = (f"{wanted}{number or ''}" for number in range(len(taken) + 1))
            self._names[key] = name = next(each for each in names if each not in taken)
            self.added[kind, name] = {}  # before its inside is read: it may refer to itself
            self.added[kind, name] = self.walked(referred, path, kind)
        return self._names[key]
