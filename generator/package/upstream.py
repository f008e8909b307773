"""The upstream templates that ours override, locked by hash.

An override is upstream's text with some lines changed. When upstream's text moves on, ours may lack what it brought:
an escape, a fix. So nothing is generated until somebody has looked.
"""

from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import define

from generator.errors import GeneratorError

TEMPLATES: Final = Path(__file__).parent / "templates"
LOCK: Final = TEMPLATES / "upstream.lock"


@define(frozen=True)
class Template:
    """One of our templates; `upstream` is the hash of the one that it overrides, None for a template of our own."""

    name: str
    override: str
    upstream: str | None


def digest(content: bytes) -> str:
    """Return the hash that locks and provenance are written in."""
    return sha256(content).hexdigest()


def installed_templates() -> Path:
    """Return the folder of upstream's templates, without importing upstream."""
    spec = find_spec("openapi_python_client")
    if spec is None or spec.origin is None:
        raise GeneratorError("openapi-python-client is not installed. Install requirements/dev.txt.")
    return Path(spec.origin).parent / "templates"


def templates(upstream: Path | None = None) -> Iterator[Template]:
    """Yield our templates in the order of their names."""
    theirs = upstream or installed_templates()
    for path in sorted(TEMPLATES.rglob("*.jinja")):
        name = path.relative_to(TEMPLATES).as_posix()
        original = theirs / name
        upstream_digest = digest(original.read_bytes()) if original.is_file() else None
        yield Template(name, digest(path.read_bytes()), upstream_digest)


def require_locked(upstream: Path | None = None) -> None:
    """Refuse to generate with upstream templates that nobody has compared with our overrides.

    Raises:
        GeneratorError: Names every override to look at.
    """
    locked = dict(line.split() for line in LOCK.read_text("utf-8").splitlines())
    current = {each.name: each.upstream for each in templates(upstream) if each.upstream or each.name in locked}
    changed = [f"  {name} {current[name] or 'is gone'}" for name in current if current[name] != locked.get(name)]
    changed += [f"  {name} is locked, and there is no such override" for name in sorted(locked.keys() - current.keys())]
    if changed:
        raise GeneratorError(
            "Upstream templates differ from those that our overrides were made of. Compare each with "
            "generator/package/templates/, carry over what is new, then write its hash into "
            "generator/package/templates/upstream.lock:\n" + "\n".join(changed)
        )
