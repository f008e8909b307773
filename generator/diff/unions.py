"""Finds which member of the old union is which of the new one, so that an edited member is no other member."""

import json
from collections.abc import Callable
from typing import Any, Final

from attrs import define

from generator.diff.normal import Normal


@define(frozen=True)
class Members:
    """The members of two unions: what was a member and still is, what left and what joined.

    `renamed` are classes without a name of their own, which are called after their position, and it is another one.
    """

    pairs: list[tuple[Normal, Normal]]
    left: list[Normal]
    joined: list[Normal]
    renamed: int


def paired(old: Normal, new: Normal) -> Members:
    """Pair the members: the class of the same name, the very same schema, then what has the same type."""
    left, joined = dict(enumerate(old.members)), dict(enumerate(new.members))
    places = list[tuple[int, int]]()
    pairs = list[tuple[Normal, Normal]]()
    for alike in _LIKENESSES:
        for at in tuple(left):
            to = next((each for each in joined if alike(left[at]) == alike(joined[each])), None)
            if to is not None:
                places.append((at, to))
                pairs.append((left.pop(at), joined.pop(to)))
    renamed = [at != to and one.is_class and not one.name for (at, to), (one, _) in zip(places, pairs, strict=True)]
    return Members(pairs, list(left.values()), list(joined.values()), sum(renamed))


def _text(member: Normal) -> Any:
    return json.dumps(member.schema, sort_keys=True)


def _type(member: Normal) -> Any:
    return (member.name, member.types, member.is_class)


_LIKENESSES: Final[tuple[Callable[[Normal], Any], ...]] = (
    lambda member: member.name or id(member),
    lambda member: (member.name, _text(member)),
    _type,
)
