"""A websocket behind the same login: each handshake carries a token that the server accepts, after a reconnect, too.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 python examples/websocket_feed.py
"""

import time
from collections.abc import Iterator

from signedin import Client, TokenPair
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

UNAUTHORIZED = 3000  # IANA's close code; some servers use 1008, or one of their own above 4000
TOO_SOON = 5.0  # seconds; a new token that is refused so early is not refused for its age


def messages(client: Client, path: str) -> Iterator[str | bytes]:
    """Yield what the server sends; connect anew where it refuses a token, or closes because one has expired."""
    url = f"{client.session.base_url}{path}".replace("http", "ws", 1)  # the origin that the token is for
    pair, is_new = client.session.load() or client.session.refresh(), False
    while True:
        began = time.monotonic()
        try:
            with connect(url, additional_headers={"Authorization": f"Bearer {pair.access_token}"}) as socket:
                yield from socket
                return
        except (InvalidStatus, ConnectionClosedError) as error:
            if not refuses_the_token(error) or (is_new and time.monotonic() - began < TOO_SOON):
                raise
        pair, is_new = newer(client, pair), True


def refuses_the_token(error: InvalidStatus | ConnectionClosedError) -> bool:
    """Say whether another token would help."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code == 401
    return error.rcvd is not None and error.rcvd.code == UNAUTHORIZED


def newer(client: Client, refused: TokenPair) -> TokenPair:
    """Return the pair that another task or process has obtained meanwhile, or refresh."""
    pair = client.session.load()
    return client.session.refresh() if pair is None or pair == refused else pair


if __name__ == "__main__":
    with Client(store="file:") as signed_in:
        for message in messages(signed_in, "/feed"):
            print(message)
