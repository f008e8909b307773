from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import _wire

T = TypeVar("T", bound="Error")


@_attrs_define
class Error:
    """
    Attributes:
        message (str): What went wrong, in words that a program may compare.
        stack (str): Empty, or a placeholder; upstream backends outside production mode put a stack trace here.
    """

    message: str
    stack: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=_wire.properties, repr=False)

    def to_dict(self) -> dict[str, Any]:
        field_dict = dict(self.additional_properties)
        field_dict["message"] = self.message
        field_dict["stack"] = self.stack
        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d_ = _wire.mapping(src_dict, "Error")
        message = _wire.string(d_.pop("message"), "message")

        stack = _wire.string(d_.pop("stack"), "stack")

        model_ = cls(
            message=message,
            stack=stack,
        )

        model_.additional_properties = d_
        return model_

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
