from typing import Any, Final

import httpx

from ... import _wire, errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.refresh_token import RefreshToken
from ...models.token_pair import TokenPair
from ...types import UNSET, Call, Operation, Response, Unset

OPERATION: Final[Operation] = Operation(
    id="refreshToken",
    method="post",
    path="/auth/refreshToken",
    auth="none",
    tokens="issues",
)


def _get_kwargs(
    *,
    body: RefreshToken,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    _wire.put(headers, "Idempotency-Key", idempotency_key)

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/auth/refreshToken",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | TokenPair | None:
    if response.status_code == 200:
        response_200 = TokenPair.from_dict(_wire.json(response))

        return response_200

    if response.status_code == 400:
        response_400 = Error.from_dict(_wire.json(response))

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(_wire.json(response))

        return response_401

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | TokenPair]:
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
    idempotency_key: str | Unset = UNSET,
) -> Response[Error | TokenPair]:
    """Exchange a refresh token for a new pair.

     The refresh token works once. When the answer got lost, the same token may be presented again with
    the same
    `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is
    answered. An older
    token, or one beyond the grace, ends the whole session.

    Args:
        idempotency_key (str | Unset):
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | TokenPair]
    """

    # No local for what is sent: a traceback shows the locals of this frame.
    response = client.get_httpx_client().request(
        **_get_kwargs(
            body=body,
            idempotency_key=idempotency_key,
        )
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
    idempotency_key: str | Unset = UNSET,
) -> Error | TokenPair | None:
    """Exchange a refresh token for a new pair.

     The refresh token works once. When the answer got lost, the same token may be presented again with
    the same
    `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is
    answered. An older
    token, or one beyond the grace, ends the whole session.

    Args:
        idempotency_key (str | Unset):
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | TokenPair
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
    idempotency_key: str | Unset = UNSET,
) -> Response[Error | TokenPair]:
    """Exchange a refresh token for a new pair.

     The refresh token works once. When the answer got lost, the same token may be presented again with
    the same
    `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is
    answered. An older
    token, or one beyond the grace, ends the whole session.

    Args:
        idempotency_key (str | Unset):
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | TokenPair]
    """

    response = await client.get_async_httpx_client().request(
        **_get_kwargs(
            body=body,
            idempotency_key=idempotency_key,
        )
    )

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: RefreshToken,
    idempotency_key: str | Unset = UNSET,
) -> Error | TokenPair | None:
    """Exchange a refresh token for a new pair.

     The refresh token works once. When the answer got lost, the same token may be presented again with
    the same
    `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is
    answered. An older
    token, or one beyond the grace, ends the whole session.

    Args:
        idempotency_key (str | Unset):
        body (RefreshToken):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | TokenPair
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed


def _parse(response: httpx.Response) -> TokenPair:
    if response.status_code == 200:
        response_200 = TokenPair.from_dict(_wire.json(response))

        return response_200

    raise errors.UnexpectedStatus(response.status_code, response.content)


def _parse_documented_error(response: httpx.Response) -> object | None:
    if response.status_code == 400:
        response_400 = Error.from_dict(_wire.json(response))

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(_wire.json(response))

        return response_401

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
    idempotency_key: str | Unset = UNSET,
) -> Call[TokenPair]:
    """Exchange a refresh token for a new pair.

    The refresh token works once. When the answer got lost, the same token may be presented again with the same
    `Idempotency-Key` inside the grace that `x-signedin-refresh` names, and the same new pair is answered. An older
    token, or one beyond the grace, ends the whole session.

    Args:
        idempotency_key: Random name of this attempt, the same for every re-sending of it.
    """

    _body = RefreshToken(
        refresh_token=refresh_token,
    )
    return Call(
        operation=OPERATION,
        kwargs=_get_kwargs(
            body=_body,
            idempotency_key=idempotency_key,
        ),
        parse=_parse,
        parse_error=_parse_error,
    )
