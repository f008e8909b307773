from typing import Any, Final

import httpx

from ... import _wire, errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.refresh_token import RefreshToken
from ...types import Call, Operation, Response

OPERATION: Final[Operation] = Operation(
    id="logout",
    method="post",
    path="/auth/logout",
    auth="none",
    tokens="revokes",
)


def _get_kwargs(
    *,
    body: RefreshToken,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/auth/logout",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Error | None:
    if response.status_code == 204:
        response_204 = None

        return response_204

    if response.status_code == 400:
        response_400 = Error.from_dict(_wire.json(response))

        return response_400

    if response.status_code == 413:
        response_413 = Error.from_dict(_wire.json(response))

        return response_413

    if response.status_code == 415:
        response_415 = Error.from_dict(_wire.json(response))

        return response_415

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Error]:
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
) -> Response[Any | Error]:
    """End the session that a refresh token belongs to.

     Every token of the session dies at once. The answer is the same for a token that is unknown or dead
    already
    (RFC 7009, section 2.2).

    Args:
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error]
    """

    # No local for what is sent: a traceback shows the locals of this frame.
    response = client.get_httpx_client().request(
        **_get_kwargs(
            body=body,
        )
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
) -> Any | Error | None:
    """End the session that a refresh token belongs to.

     Every token of the session dies at once. The answer is the same for a token that is unknown or dead
    already
    (RFC 7009, section 2.2).

    Args:
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
) -> Response[Any | Error]:
    """End the session that a refresh token belongs to.

     Every token of the session dies at once. The answer is the same for a token that is unknown or dead
    already
    (RFC 7009, section 2.2).

    Args:
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error]
    """

    response = await client.get_async_httpx_client().request(
        **_get_kwargs(
            body=body,
        )
    )

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
) -> Any | Error | None:
    """End the session that a refresh token belongs to.

     Every token of the session dies at once. The answer is the same for a token that is unknown or dead
    already
    (RFC 7009, section 2.2).

    Args:
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed


def _parse(response: httpx.Response) -> None:
    if response.status_code == 204:
        response_204 = None

        return response_204

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _parse_documented_error(response: httpx.Response) -> object | None:
    if response.status_code == 400:
        response_400 = Error.from_dict(_wire.json(response))

        return response_400

    if response.status_code == 413:
        response_413 = Error.from_dict(_wire.json(response))

        return response_413

    if response.status_code == 415:
        response_415 = Error.from_dict(_wire.json(response))

        return response_415

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


def call(
    *,
    refresh_token: str,
) -> Call[None]:
    """End the session that a refresh token belongs to.

    Every token of the session dies at once. The answer is the same for a token that is unknown or dead already
    (RFC 7009, section 2.2).
    """

    _body = RefreshToken(
        refresh_token=refresh_token,
    )
    return Call(
        operation=OPERATION,
        kwargs=_get_kwargs(
            body=_body,
        ),
        parse=_parse,
        parse_error=_parse_error,
    )
