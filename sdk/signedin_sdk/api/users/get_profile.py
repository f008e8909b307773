from typing import Any, Final

import httpx

from ... import _wire, errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.profile import Profile
from ...types import Call, Operation, Response

OPERATION: Final[Operation] = Operation(
    id="getProfile",
    method="get",
    path="/users/profile",
    auth="required",
    tokens=None,
)


def _get_kwargs() -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/users/profile",
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | Profile | None:
    if response.status_code == 200:
        response_200 = Profile.from_dict(_wire.json(response))

        return response_200

    if response.status_code == 401:
        response_401 = Error.from_dict(_wire.json(response))

        return response_401

    if response.status_code == 429:
        response_429 = Error.from_dict(_wire.json(response))

        return response_429

    if response.status_code == 500:
        response_500 = Error.from_dict(_wire.json(response))

        return response_500

    if response.status_code == 503:
        response_503 = Error.from_dict(_wire.json(response))

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | Profile]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
) -> Response[Error | Profile]:
    """Read the signed-in user.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Profile]
    """

    # No local for what is sent: a traceback shows the locals of this frame.
    response = client.get_httpx_client().request(**_get_kwargs())

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
) -> Error | Profile | None:
    """Read the signed-in user.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Profile
    """

    return sync_detailed(
        client=client,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
) -> Response[Error | Profile]:
    """Read the signed-in user.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Profile]
    """

    response = await client.get_async_httpx_client().request(**_get_kwargs())

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
) -> Error | Profile | None:
    """Read the signed-in user.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Profile
    """

    return (
        await asyncio_detailed(
            client=client,
        )
    ).parsed


def _parse(response: httpx.Response) -> Profile:
    if response.status_code == 200:
        response_200 = Profile.from_dict(_wire.json(response))

        return response_200

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _parse_documented_error(response: httpx.Response) -> object | None:
    if response.status_code == 401:
        response_401 = Error.from_dict(_wire.json(response))

        return response_401

    if response.status_code == 429:
        response_429 = Error.from_dict(_wire.json(response))

        return response_429

    if response.status_code == 500:
        response_500 = Error.from_dict(_wire.json(response))

        return response_500

    if response.status_code == 503:
        response_503 = Error.from_dict(_wire.json(response))

        return response_503

    return None


def _parse_error(response: httpx.Response) -> object | None:
    return _wire.if_it_fits(_parse_documented_error, response)


def call() -> Call[Profile]:
    """Read the signed-in user."""

    return Call(
        operation=OPERATION,
        kwargs=_get_kwargs(),
        parse=_parse,
        parse_error=_parse_error,
    )
