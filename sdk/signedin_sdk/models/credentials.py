from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import _wire

T = TypeVar("T", bound="Credentials")


@_attrs_define
class Credentials:
    """
    Attributes:
        email (str):
        password (str):
    """

    email: str = _attrs_field(repr=_wire.hidden)
    password: str = _attrs_field(repr=_wire.hidden)
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=_wire.properties, repr=False)

    def to_dict(self) -> dict[str, Any]:
        field_dict = dict(self.additional_properties)
        field_dict["email"] = self.email
        field_dict["password"] = self.password
        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d_ = _wire.mapping(src_dict, "Credentials")
        email = _wire.string(d_.pop("email"), "email")

        password = _wire.string(d_.pop("password"), "password")

        model_ = cls(
            email=email,
            password=password,
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
