"""A CycloneDX 1.5 document of what the wheel needs: versions and hashes as `requirements/dev.txt` locks them.

It is resolved for one Python on one system, and says for which; what others need besides stands at what asks for it.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from generator.errors import GeneratorError
from generator.package.upstream import digest


def sbom(version: str, lock: Path, needs: list[str], files: list[Path]) -> str:
    """Return the document. No time and no random serial number: same input, same bytes.

    Raises:
        GeneratorError: The lock file lacks something that the wheel needs.
    """
    locked = _locked(lock.read_text("utf-8"))
    tree = closure(needs)
    if missing := tree.keys() - locked.keys():
        raise GeneratorError(f"{lock.name} does not lock {', '.join(sorted(missing))}; run: make lock")
    refs = {name: f"pkg:pypi/{name}@{locked[name][0]}" for name in sorted(tree)}
    root = {"type": "library", "name": "signedin", "version": version, "bom-ref": f"pkg:pypi/signedin@{version}"}
    hashes = {each.name: [{"alg": "SHA-256", "content": digest(each.read_bytes())}] for each in files}
    root_parts = [{"type": "file", "name": name, "hashes": each} for name, each in hashes.items()]
    first: set[str] = {canonicalize_name(Requirement(need).name) for need in needs}
    edges: dict[str, set[str]] = {root["bom-ref"]: first, **{refs[name]: tree[name] for name in refs}}
    here = default_environment()
    system = f"{here['implementation_name']} {here['python_version']}, {here['sys_platform']}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {**root, "components": root_parts},
            "properties": [{"name": "signedin:resolved-for", "value": system}],
        },
        "components": [_component(name, url, *locked[name]) for name, url in refs.items()],
        "dependencies": [
            {"ref": ref, "dependsOn": [refs[each] for each in sorted(names)]} for ref, names in edges.items()
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _component(name: str, url: str, version: str, hashes: list[str]) -> dict[str, Any]:
    # CycloneDX has one hash for one file; the lock has those of all files of the version.
    properties = [{"name": "signedin:locked-sha256", "value": each} for each in hashes]
    properties += [{"name": "signedin:needed-elsewhere", "value": str(each)} for each in _needs(name, here=False)]
    parts = {"type": "library", "name": name, "version": version, "bom-ref": url, "purl": url}
    return {**parts, "scope": "required", "properties": properties}


def _locked(text: str) -> dict[str, tuple[str, list[str]]]:
    pins = re.finditer(r"(?m)^([A-Za-z0-9._-]+)==([^ \\\n]+)((?:[^\n]*\\\n.*)*)", text)
    return {canonicalize_name(one[1]): (one[2], re.findall(r"sha256:([0-9a-f]{64})", one[3])) for one in pins}


def closure(needs: list[str]) -> dict[str, set[str]]:
    """Return what is needed, and by it, on this Python; as the installed packages say."""
    tree: dict[str, set[str]] = {}
    waiting = [Requirement(need) for need in needs]
    while waiting:
        name = canonicalize_name(waiting.pop().name)
        if name in tree:
            continue
        inner = list(_needs(name, here=True))
        tree[name] = {canonicalize_name(each.name) for each in inner}
        waiting += inner
    return tree


def _needs(name: str, *, here: bool) -> Iterator[Requirement]:
    """Yield what an installed package asks for on this Python, or on others only; what is for its extras never."""
    try:
        requirements = [Requirement(each) for each in requires(name) or []]
    except PackageNotFoundError as error:
        raise GeneratorError(f"{name} is not installed. Install requirements/dev.txt.") from error
    for each in requirements:
        is_extra = each.marker is not None and "extra" in str(each.marker)
        if not is_extra and here is (each.marker is None or each.marker.evaluate()):
            yield each
