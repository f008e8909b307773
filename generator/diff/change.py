"""One difference between two specs, and why it matters; the reasons and the hints stand here once for all rules."""

from enum import IntEnum
from typing import Final

from attrs import define


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
        if self.level < Level.BREAKING:
            return "", ""
        return next((advice for part, advice in _ADVICE.items() if part in self.rule), _OTHER)


def highest(changes: list[Change]) -> Level:
    """Return the level of all changes together."""
    return max((change.level for change in changes), default=Level.NONE)


_OTHER: Final = (
    "A program that was right against the old SDK is not right against the new one.",
    "Look at the place in the new spec, and change the calls that it concerns.",
)
# The first part that occurs in the rule's id counts, so the narrower ones stand first.
_ADVICE: Final = {
    "python-api": (
        "The name or the signature in the printed package is another one.",
        "Find its uses with a type checker and change them.",
    ),
    "consumer": (
        "A program of the last release does not type-check any more.",
        "Change it as the type checker says; users' programs need the same.",
    ),
    "signature": (
        "The method takes its body as keyword arguments or as one `body`, and that has turned round.",
        "Pass the fields where `body` was passed, or a model as `body` where the fields were.",
    ),
    "refresh-contract": (
        "Programs and processes that share a session, and test servers of users, speak the contract of before.",
        "Upgrade all processes of a session together, and the answers of test servers with them.",
    ),
    "x-signedin-tokens": (
        "The call does not keep the client signed in, or signed out, as it did.",
        "Call `session.sign_in` or `sign_out` where the call did it.",
    ),
    "api-operation-id-removed": (
        "The operationId is the method's name.",
        "Rename the call to the new method; or keep the old operationId in the spec.",
    ),
    "api-tag-removed": (
        "The first tag is the attribute of the client that has the method.",
        "Call it on the new attribute; or keep the first tag in the spec.",
    ),
    "api-schema-removed": (
        "The class of the schema is gone, and so is its module.",
        "Import the class that took its place; or keep the schema's name in the spec.",
    ),
    "api-security": (
        "Calls that were accepted are refused for their credentials.",
        "Sign in before the call, with an account that has what is asked for.",
    ),
    "api-removed": ("The method is gone.", "Stop calling it, or stay on the old version while the backend serves it."),
    "api-path-removed": (
        "The methods of this path are gone.",
        "Stop calling them, or stay on the old version while the backend serves them.",
    ),
    "became-required": ("A call without it is refused.", "Pass it in every call."),
    "new-required": ("A call without it is refused.", "Pass it in every call; or give it a default in the spec."),
    "added-required": ("A call without a body is refused.", "Pass the body in every call."),
    "request-parameter-removed": ("The keyword argument is gone.", "Drop it from the calls."),
    "request-property-removed": ("The keyword argument is gone.", "Drop it from the calls."),
    "request-body-removed": ("The body's arguments are gone.", "Drop them from the calls."),
    "enum-value-removed": (
        "The member of the enum is gone, and the backend refuses its value.",
        "Replace the member where it is used.",
    ),
    "became-enum": ("Only the listed values are accepted.", "Pass a member of the new enum."),
    "became-not-enum": ("The enum's class is gone.", "Pass and compare plain values."),
    "became-not-nullable": ("None is refused.", "Leave the argument out, or pass a value."),
    "became-nullable": ("The attribute may be None.", "Handle None where it is read."),
    "became-optional": ("The attribute may be `UNSET`.", "Handle `UNSET` where it is read."),
    "property-removed": ("The attribute is gone from the model.", "Stop reading it."),
    "additional-properties": (
        "The model's `additional_properties` are gone or of another type.",
        "Read and write declared properties only.",
    ),
    "type": ("The Python type is another one.", "Convert where the value is passed or read."),
    "of-": ("The union has other members.", "Handle the new member, and drop the one that is gone."),
    "success-status": ("The method returns something else.", "Handle what the new answer brings."),
    "response-body-removed": ("The method returns nothing.", "Stop reading its result."),
    "media-type": ("The body goes another way over the wire, in another type.", "Pass and read the new type."),
    "pattern": ("Values that were accepted are refused.", "Pass values that match the new pattern."),
    "length": ("Values that were accepted are refused.", "Keep to the new limit."),
    "items": ("Lists that were accepted are refused.", "Keep to the new limit."),
    "-max": ("Values that were accepted are refused.", "Keep to the new limit."),
    "-min": ("Values that were accepted are refused.", "Keep to the new limit."),
    "const": ("Only one value is accepted, and it is another one.", "Pass and expect the new value."),
}
