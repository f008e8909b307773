"""Compares who may call an operation: the alternatives of `security`, and what the schemes in them are."""

from collections.abc import Iterator
from typing import Any

from generator.diff.change import Change, Level
from generator.spec.document import Document
from generator.spec.operations import OperationFacts

Alternative = dict[str, frozenset[str]]  # the scopes by the scheme; without schemes it is an anonymous call


def compare_security(
    documents: tuple[Document, Document], old: OperationFacts, new: OperationFacts
) -> Iterator[Change]:
    """Yield what differs: each call that was accepted must be, a new one costs nobody anything."""
    before, after = (_alternatives(*each) for each in zip(documents, (old, new), strict=True))
    accepted_by = [_accepting(one, after) for one in before]
    for one, by in zip(before, accepted_by, strict=True):
        if by is None:
            yield _refused(one, after, new.id)
        else:
            yield from _asks_less(one, by, new.id)
    if {} in before and None in accepted_by:
        return  # said above, from the other side
    for one in after:
        if one.keys() not in [each.keys() for each in before] and one not in accepted_by:
            yield Change("api-security-added", Level.MINOR, new.id, f"{_told(one)} calls are accepted, too")


def _accepting(one: Alternative, after: list[Alternative]) -> Alternative | None:
    """Return the alternative that takes the credentials of another: the same, or what asks for least."""
    return one if one in after else min((each for each in after if _fulfils(one, each)), key=_demands, default=None)


def _fulfils(credentials: Alternative, asked: Alternative) -> bool:
    return all(name in credentials and scopes <= credentials[name] for name, scopes in asked.items())


def _demands(alternative: Alternative) -> int:
    return sum(1 + len(scopes) for scopes in alternative.values())


def _refused(one: Alternative, after: list[Alternative], where: str) -> Change:
    same = next((each for each in after if each.keys() == one.keys()), None)
    if same is not None and one:
        scopes = sorted(scope for name in one for scope in same[name] - one[name])
        text = f"asks for the scope {' and '.join(scopes)}"
        return Change("api-security-scope-added", Level.BREAKING, where, text)
    rule = "api-security-removed" if one else "api-security-added"
    return Change(rule, Level.BREAKING, where, f"{_told(one)} calls are not accepted any more")


def _asks_less(one: Alternative, by: Alternative, where: str) -> Iterator[Change]:
    if gone := one.keys() - by.keys():
        text = f"needs no {' and '.join(sorted(gone))} any more"
        yield Change("api-security-removed", Level.MINOR, where, text)
    for scope in sorted(scope for name, scopes in by.items() for scope in one[name] - scopes):
        yield Change("api-security-scope-removed", Level.MINOR, where, f"does not ask for the scope {scope}")


def _told(alternative: Alternative) -> str:
    return " and ".join(sorted(alternative)) or "anonymous"


def _alternatives(document: Document, operation: OperationFacts) -> list[Alternative]:
    security = operation.node.get("security", document.data.get("security"))
    said = [each for each in security if isinstance(each, dict)] if isinstance(security, list) else []
    return [{name: frozenset(scopes or ()) for name, scopes in each.items()} for each in said] or [{}]


def compare_schemes(old: Document, new: Document, names: set[str]) -> Iterator[Change]:
    """Yield which of the schemes are others under the same name."""
    for name in sorted(names):
        place = ("components", "securitySchemes", name)
        before, after = (each.resolve(each.at(place)) for each in (old, new))
        if not isinstance(before, dict) or not isinstance(after, dict):
            continue
        if (was := _way(before)) != (now := _way(after)):
            text = f"{' '.join(was)} became {' '.join(now)}"
            yield Change("api-security-scheme-changed", Level.BREAKING, "/".join(place), text)
        elif any(before.get(each) != after.get(each) for each in ("flows", "openIdConnectUrl")):
            text = "a token is to be had in another way or at another address"
            yield Change("api-security-scheme-flow-changed", Level.MINOR, "/".join(place), text)


def schemes(document: Document, operation: OperationFacts) -> set[str]:
    """Return the names of the schemes that the operation accepts."""
    return {name for each in _alternatives(document, operation) for name in each}


def _way(scheme: dict[str, Any]) -> tuple[str, ...]:
    """Return how the credentials go over the wire."""
    parts = {"http": ("scheme",), "apiKey": ("in", "name")}.get(str(scheme.get("type")), ())
    return (str(scheme.get("type")), *(str(scheme.get(part)).lower() for part in parts))
