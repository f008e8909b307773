"""How the methods are called: what the spec asks for, else the operationId without what the path and the tag repeat.

FastAPI makes an operationId of a function's name, the path and the method: `login_auth_token_post` is `login` again.
Nest, Django and others put the tag, or the tag's controller, in front. Of operations that would share a short name, the
first by path and method has it, wherever they stand in the document; the others stay long.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from openapi_python_client.strings import PythonIdentifier

FIELD_PREFIX: Final = "field_"
OVERRIDES: Final = ("x-signedin-method", "x-speakeasy-name-override", "x-fern-sdk-method-name")

Where = tuple[str, str]  # path and method


def method_names(nodes: dict[Where, dict[str, Any]], tags: dict[Where, str]) -> dict[Where, str]:
    """Return the names of the methods; each is the only one of its tag, if the long names are."""
    long = {where: _identifier(node.get("operationId")) for where, node in nodes.items()}
    names = dict(long)
    taken = {(tags[where], name) for where, name in long.items()}
    for where in sorted(nodes):
        for name in _candidates(where, nodes[where], tags[where]):
            if name == long[where] or (tags[where], name) not in taken:
                taken.add((tags[where], name))
                names[where] = name
                break
    return names


def _identifier(name: object) -> str:
    return str(PythonIdentifier(name if isinstance(name, str) else "", FIELD_PREFIX))


def _candidates(where: Where, node: dict[str, Any], tag: str) -> Iterator[str]:
    """Yield the names that an operation may have, the best first."""
    for key in OVERRIDES:
        if isinstance(name := node.get(key), str) and re.search("[A-Za-z]", name):
            yield _identifier(name)
            return
    identifier = node.get("operationId")
    if not isinstance(identifier, str):
        return
    function = _function(identifier, *where)
    for name in (_without_tag(_identifier(function), tag), _identifier(function)):
        if name and _is_plain(name):
            yield name


def _function(identifier: str, path: str, method: str) -> str:
    """Return the name of the function that FastAPI made the operationId of (`generate_unique_id`)."""
    tail = re.sub(r"\W", "_", path) + f"_{method}"
    return identifier.removesuffix(tail) or identifier


def _without_tag(name: str, tag: str) -> str:
    for prefix in (f"{tag}_controller_", f"{tag}_"):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _is_plain(name: str) -> bool:
    """Say whether a name needs no mark that tells it from Python's own: not `list_`, not `field_1`."""
    return name == _identifier(name) and not name.endswith("_") and name[:1].isalpha()
