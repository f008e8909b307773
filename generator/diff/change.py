"""One difference between two specs, and what it costs; `advice` has the reasons and the hints."""

import re
from enum import IntEnum
from typing import Final, Literal

from attrs import define

from generator.errors import GeneratorError

# Why a change breaks a program, and what its author does about it: by the rule's id, the narrower patterns first.


OTHER: Final = (
    "A program that was right against the old SDK is not right against the new one.",
    "Look at the place in the new spec, and change the calls that it concerns.",
)


def advice(rule: str) -> tuple[str, str]:
    """Return the reason and the hint of a breaking change."""
    return next((each for pattern, each in _ADVICE if pattern.search(rule)), OTHER)


_TEXTS: Final = {
    "^python-api": (
        "The name, the signature or the value in the generated package is another one.",
        "Find its uses, with a type checker where it tells them, and change them.",
    ),
    "^consumer": (
        "A program of the last release does not type-check any more.",
        "Change it as the type checker says; users' programs need the same.",
    ),
    "^refresh-contract": (
        "Programs and processes that share a session, and test servers of users, speak the contract of before.",
        "Upgrade all processes of a session together, and the answers of test servers with them.",
    ),
    "^x-signedin-tokens": (
        "The call does not keep the client signed in, or signed out, as it did.",
        "Call `session.sign_in` or `sign_out` where the call did it.",
    ),
    "^api-operation-id-removed": (
        "The operationId is the method's name.",
        "Rename the call to the new method; or keep the old operationId in the spec.",
    ),
    "^api-tag-removed": (
        "The first tag is the attribute of the client that has the method.",
        "Call it on the new attribute; or keep the first tag in the spec.",
    ),
    "^api-schema-removed": (
        "The class of the schema is gone, and so is its module.",
        "Import the class that took its place; or keep the schema's name in the spec.",
    ),
    "^api-security-scheme": (
        "Credentials of the old kind are refused.",
        "Get credentials of the new kind, and give the client those.",
    ),
    "^api-security": (
        "Calls that were accepted are refused for their credentials.",
        "Sign in before the call, with an account that has what is required.",
    ),
    "^api-removed": ("The method is gone.", "Stop calling it, or stay on the old version while the backend serves it."),
    "^api-path-removed": (
        "The methods of this path are gone.",
        "Stop calling them, or stay on the old version while the backend serves them.",
    ),
    # Requests: names, and what is required
    "^request-body-signature": (
        "The method takes its body as keyword arguments or as one `body`, and that has turned round.",
        "Pass the fields where `body` was passed, or a model as `body` where the fields were.",
    ),
    "^request-body-(added|became)-required": ("A call without a body is refused.", "Pass the body in every call."),
    "^request-.*-became-required": ("A call without it is refused.", "Pass it in every call."),
    "^new-required": (
        "A call without it is refused.",
        "Pass it in every call; or make it optional in the spec.",
    ),
    "became-not-read-only-required": (
        "It is an argument now, and a call without it is refused.",
        "Pass it in every call.",
    ),
    "became-read-only": ("It is no argument of requests any more.", "Drop it from the calls; the server sets it."),
    "became-write-only": ("Answers do not bring it any more.", "Stop reading it."),
    "^request-parameter-renamed": (
        "The keyword argument has another name: it shares the old one with another parameter, or does not any more.",
        "Rename the argument in the calls.",
    ),
    "^request-(parameter|property)-removed": ("The keyword argument is gone.", "Drop it from the calls."),
    "^request-body-removed": ("The body's arguments are gone.", "Drop them from the calls."),
    "^request-body-media-type": (
        "The body does not go over the wire as it did, and the argument may have another type.",
        "Pass the body in a media type that is left.",
    ),
    # Answers
    "^response-media-type": (
        "The method returns what stands first in the answer, and that has another type.",
        "Read the new type; or put the old media type first in the spec.",
    ),
    "^response-success-status": ("The method returns something else.", "Handle what the new answer brings."),
    "^response-body-removed": ("The method returns nothing.", "Stop reading its result."),
    "^response-.*became-optional": ("The attribute may be `UNSET`.", "Handle `UNSET` where it is read."),
    "^response-.*property-removed": ("The attribute is gone from the model.", "Stop reading it."),
    # Values, in both directions
    "-list-": (
        "A list of it has another type, and no list of the old type fits where one of the new type is required.",
        "Annotate such lists with the new type.",
    ),
    "enum-member-changed": (
        "A program that names the member means another value without knowing it.",
        "Look at each use of the member; or keep the names of the values by `x-enum-varnames` in the spec.",
    ),
    "enum-member-renamed": (
        "The member of the enum has another name.",
        "Rename it where it is used; or keep its name in the spec.",
    ),
    "^request-.*enum-value-removed": (
        "The member of the enum is gone, and the backend refuses its value.",
        "Replace the member where it is used.",
    ),
    "^response-.*enum-value-removed": (
        "The member of the enum is gone, and answers bring its value no more.",
        "Drop the comparisons with the member.",
    ),
    "const-became-enum": ("The value is a member of an enum and no literal any more.", "Use the member."),
    "became-not-enum": ("The enum's class is gone.", "Pass and compare plain values."),
    "became-enum": ("Only the listed values are accepted.", "Pass a member of the new enum."),
    "const-removed": ("The attribute may have any value of its type.", "Handle other values where it is read."),
    "const-added": ("Only one value is accepted.", "Pass that value."),
    "const": ("Only one value is right, and it is another one.", "Pass and expect the new value."),
    "became-not-nullable": ("None is refused.", "Leave the argument out, or pass a value."),
    "became-nullable": ("The attribute may be None.", "Handle None where it is read."),
    "additional-properties": (
        "The model's `additional_properties` are gone or of another type.",
        "Read and write declared properties only.",
    ),
    "unevaluated-properties": (
        "Properties that are not declared are refused.",
        "Pass declared properties only.",
    ),
    "class-(changed|renamed)": (
        "The value is an object of a class of another name.",
        "Import and use the new class; or give the schema the old name in the spec.",
    ),
    "^request-.*of-removed": ("The union has lost a member.", "Pass one of the members that are left."),
    "^response-.*of-added": ("The union has a member more.", "Handle it where the value is read."),
    "type-changed": ("The Python type is another one.", "Convert where the value is passed or read."),
    # Requests: what is refused
    "format-changed": ("Values that were accepted are refused.", "Pass values in the new format."),
    "pattern-(added|changed)": ("Values that were accepted are refused.", "Pass values that match the new pattern."),
    "-(max|min)-|unique-items|multiple-of": ("Values that were accepted are refused.", "Keep to the new limit."),
    "unknown-keyword": (
        "It may demand something: JSON Schema lets a server give any keyword a meaning.",
        "Ask the owner of the spec what it demands, and pass such values.",
    ),
    # The other keywords of JSON Schema: `not`, `contains`, `if` and their like
    "^request-.*-(added|changed|removed)$": (
        "The schema demands something else, so that values that were accepted may be refused.",
        "Look at the keyword in the new spec, and pass values that fulfil it.",
    ),
}
_ADVICE: Final = [(re.compile(pattern), each) for pattern, each in _TEXTS.items()]


class Level(IntEnum):
    """What a difference costs somebody who installs the new SDK."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    BREAKING = 3


@define(frozen=True, order=False)
class Change:
    """One difference; `rule` names its kind, `where` the place in the spec."""

    rule: str
    level: Level
    where: str
    message: str

    @property
    def reason(self) -> str:
        """Say why it breaks a program; empty where it does not."""
        return self._advice[0]

    @property
    def hint(self) -> str:
        """Say what a user changes; empty where it is nothing."""
        return self._advice[1]

    @property
    def _advice(self) -> tuple[str, str]:
        return advice(self.rule) if self.level is Level.BREAKING else ("", "")


def highest(changes: list[Change]) -> Level:
    """Return the level of all changes together."""
    return max((change.level for change in changes), default=Level.NONE)


# Where a difference stands, and what that makes of it.


Side = Literal["request", "response"]


@define(frozen=True)
class Place:
    """Where we are: `kind` is parameter, body or property; `listed` is true for the items of a list."""

    side: Side
    kind: str
    where: str
    listed: bool = False

    @property
    def is_request(self) -> bool:
        """Say whether the user's program gives the value."""
        return self.side == "request"

    def change(self, what: str, message: str, request: Level, response: Level) -> Change:
        """Return a change whose level depends on the direction."""
        level = request if self.is_request else response
        return Change(f"{self.side}-{self.kind}-{what}", level, self.where, message)

    def typed(self, what: str, message: str, request: Level, response: Level) -> Change:
        """Return a change of the Python type. A list is invariant: of another type it fits nowhere, to or fro."""
        change = self.change(what, message, request, response)
        if self.listed and change.level < Level.BREAKING:
            return self.breaking(f"list-{what}", message)
        return change

    def breaking(self, what: str, message: str) -> Change:
        """Return a change that breaks in either direction."""
        return self.change(what, message, Level.BREAKING, Level.BREAKING)


# From a level to the next version (Semantic Versioning 2.0.0).


def next_version(current: str, level: Level) -> str:
    """Return the version that a change of this level makes of the current one.

    Before 1.0 nothing is promised by the major number (semver, section 4): what breaks moves the second number,
    everything else the third.

    Raises:
        GeneratorError: The current version is no MAJOR.MINOR.PATCH.
    """
    if not (match := re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", current)):
        raise GeneratorError(f"{current!r} is no version of three numbers, such as 1.4.2.")
    major, minor, patch = map(int, match.groups())
    if level is Level.NONE:
        return current
    if major == 0:
        level = Level.MINOR if level is Level.BREAKING else Level.PATCH
    return {
        Level.BREAKING: f"{major + 1}.0.0",
        Level.MINOR: f"{major}.{minor + 1}.0",
        Level.PATCH: f"{major}.{minor}.{patch + 1}",
    }[level]


def why(current: str, level: Level) -> str:
    """Say in a few words why it is that version."""
    word = {Level.NONE: "nothing changed", Level.PATCH: "a fix", Level.MINOR: "something new"}.get(level, "it breaks")
    return f"{word}; before 1.0 the second number stands for what breaks" if current.startswith("0.") else word
