from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import _wire

T = TypeVar("T", bound="Profile")


@_attrs_define
class Profile:
    """
    Attributes:
        id (str):
        email (str):
        created_at (datetime.datetime):
        updated_at (datetime.datetime):
    """

    id: str
    email: str = _attrs_field(repr=_wire.hidden)
    created_at: datetime.datetime
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=_wire.properties, repr=False)

    def to_dict(self) -> dict[str, Any]:
        field_dict = dict(self.additional_properties)
        field_dict["id"] = self.id
        field_dict["email"] = self.email
        field_dict["createdAt"] = _wire.plain(self.created_at)
        field_dict["updatedAt"] = _wire.plain(self.updated_at)
        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d_ = _wire.mapping(src_dict, "Profile")
        id = _wire.string(d_.pop("id"), "id")

        email = _wire.string(d_.pop("email"), "email")

        created_at = _wire.date_time(d_.pop("createdAt"), "createdAt")

        updated_at = _wire.date_time(d_.pop("updatedAt"), "updatedAt")

        model_ = cls(
            id=id,
            email=email,
            created_at=created_at,
            updated_at=updated_at,
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
