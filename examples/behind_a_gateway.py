"""Behind a gateway that wants a key of its own: the client's headers go with calls, refreshes and revocations alike.

SIGNEDIN_BASE_URL=https://gateway.example.com/api/v1 GATEWAY_KEY=... python examples/behind_a_gateway.py
"""

import os

import httpx
from signedin import Client


def connected(store: str = "memory:", transport: httpx.BaseTransport | None = None) -> Client:
    """Return a client that shows the gateway its key; `cert`, `verify` and `proxy` go with all requests, too."""
    return Client(headers={"X-Api-Key": os.environ["GATEWAY_KEY"]}, store=store, transport=transport)


if __name__ == "__main__":
    with connected("file:") as client:
        print(client.users.get_profile().email)
