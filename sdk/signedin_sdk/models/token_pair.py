from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from .. import _wire

T = TypeVar("T", bound="TokenPair")


@_attrs_define
class TokenPair:
    """
    Attributes:
        access_token (str): JWT that lives for minutes; send it as `Authorization`, scheme `Bearer`.
        refresh_token (str): Opaque; works once.
    """

    access_token: str = _attrs_field(repr=_wire.hidden)
    refresh_token: str = _attrs_field(repr=_wire.hidden)
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=_wire.properties, repr=False)

    def to_dict(self) -> dict[str, Any]:
        field_dict = dict(self.additional_properties)
        field_dict["accessToken"] = self.access_token
        field_dict["refreshToken"] = self.refresh_token
        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d_ = _wire.mapping(src_dict, "TokenPair")
        access_token = _wire.string(d_.pop("accessToken"), "accessToken")

        refresh_token = _wire.string(d_.pop("refreshToken"), "refreshToken")

        model_ = cls(
            access_token=access_token,
            refresh_token=refresh_token,
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
