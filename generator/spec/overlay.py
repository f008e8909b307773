"""`--overlay FILE`: changes a spec that somebody else owns, by the OpenAPI Overlay Specification 1.0.

An action's `target` is a JSONPath (RFC 9535); `update` merges into the objects that it selects, or appends to arrays;
`remove: true` removes them. The document remembers where each part comes from, so that findings name the overlay.
"""

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field
from jsonpath_rfc9535 import JSONPathError
from jsonpath_rfc9535 import find as select

from generator.errors import SpecError
from generator.spec.document import Document, Overlaid, Pointer, normalize, read

_FIELDS: Final = frozenset({"target", "description", "update", "remove"})
_SEE: Final = "See the OpenAPI Overlay Specification 1.0."


def overlaid(document: Document, paths: Iterable[Path]) -> Document:
    """Return what the overlays make of a document, one after the other.

    Raises:
        SpecError: A file is no overlay, or an action cannot be carried out.
    """
    overlays = tuple(read(path, "overlay") for path in paths)
    if not overlays:
        return document
    work = _Work(copy.deepcopy(document.data))
    for overlay in overlays:
        for pointer, action in _actions(overlay):
            work.apply(overlay, pointer, action)
    normalize(work.data)
    return document.with_overlays(work.data, Overlaid(overlays, work.parts, tuple(work.idle)))


def _actions(overlay: Document) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    version, actions = overlay.data.get("overlay"), overlay.data.get("actions")
    if not isinstance(version, str) or not version.startswith("1.0."):
        raise _refused(overlay, ("overlay",), 'is no overlay of version 1.0: write overlay: "1.0.0"')
    if not isinstance(actions, list) or not actions:
        raise _refused(overlay, ("actions",), "has no list of actions")
    for index, action in enumerate(actions):
        pointer = ("actions", str(index))
        if not isinstance(action, dict) or not isinstance(action.get("target"), str):
            raise _refused(overlay, pointer, "has an action without a target")
        for name in action:
            if name not in _FIELDS and not name.startswith("x-"):
                raise _refused(overlay, (*pointer, name), f"has an action with the unknown field {name!r}")
        if not isinstance(action.get("remove", False), bool):
            raise _refused(overlay, (*pointer, "remove"), "has a remove that is neither true nor false")
        if "update" not in action and action.get("remove") is not True:
            raise _refused(overlay, pointer, "has an action that neither updates nor removes")
        yield pointer, action


@define(eq=False)
class _Work:
    """The data while actions change it, and where its changed parts come from."""

    data: dict[str, Any]
    parts: dict[Pointer, tuple[Document, Pointer]] = field(factory=dict)
    idle: list[tuple[Document, Pointer]] = field(factory=list)

    def apply(self, overlay: Document, pointer: Pointer, action: dict[str, Any]) -> None:
        """Carry out one action on all that its target selects; selecting nothing is no error by the specification."""
        try:
            nodes = {node.location: node.value for node in select(action["target"], self.data)}
        except (JSONPathError, RecursionError) as error:
            reason = f"has a target that is no JSONPath (RFC 9535): {error}"
            raise _refused(overlay, (*pointer, "target"), reason) from None
        if not nodes:
            self.idle.append((overlay, pointer))
        # The last of a list first: it keeps the numbers of those before it.
        for location in sorted(nodes, reverse=True):
            if not isinstance(nodes[location], dict | list):
                reason = f"selects {_path(location)}, which is no object and no array: select what is around it"
                raise _refused(overlay, (*pointer, "target"), reason)
            if action.get("remove") is True:
                self._remove(overlay, pointer, location)
            else:
                self._update(overlay, pointer, location, nodes[location], action["update"])

    def _remove(self, overlay: Document, pointer: Pointer, location: tuple[int | str, ...]) -> None:
        if not location:
            raise _refused(overlay, pointer, "removes the whole document")
        owner: Any = self.data
        for step in location[:-1]:
            owner = owner[step]
        del owner[location[-1]]

    def _update(
        self, overlay: Document, pointer: Pointer, location: tuple[int | str, ...], node: Any, value: Any
    ) -> None:
        here, origin = tuple(map(str, location)), (*pointer, "update")
        if isinstance(node, list):
            self._append(overlay, origin, here, node, [value])
        elif isinstance(value, dict):
            self._merge(overlay, origin, here, node, value)
        else:
            raise _refused(overlay, origin, f"updates the object {_path(location)} with what is no object")

    def _merge(self, overlay: Document, origin: Pointer, here: Pointer, node: Any, value: dict[str, Any]) -> None:
        for key, each in value.items():
            old, at, source = node.get(key), (*here, key), (*origin, key)
            if isinstance(old, dict) and isinstance(each, dict):
                self._merge(overlay, source, at, old, each)
            elif isinstance(old, list) and isinstance(each, list):
                self._append(overlay, source, at, old, each)
            else:
                node[key] = copy.deepcopy(each)  # one action may update many nodes
                self.parts[at] = overlay, source

    def _append(self, overlay: Document, origin: Pointer, here: Pointer, node: list[Any], values: list[Any]) -> None:
        for index, each in enumerate(values):
            self.parts[*here, str(len(node))] = overlay, (*origin, str(index))
            node.append(copy.deepcopy(each))


def _path(location: tuple[int | str, ...]) -> str:
    return ascii("/".join(map(str, location)))


def _refused(overlay: Document, pointer: Pointer, reason: str) -> SpecError:
    return SpecError(f"{overlay.path}:{overlay.line(pointer)}: {reason}. {_SEE}")
