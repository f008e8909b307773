"""gunicorn with preload: the client is made before the fork; each worker gets connections and locks of its own.

SIGNEDIN_BASE_URL=... SIGNEDIN_STORE=file: gunicorn --preload --workers 4 examples.gunicorn_app:app
"""

from collections.abc import Callable, Iterable
from typing import Any

from signedin import Client

# A store that processes share. A memory store would be refused in the workers: each would spend the others' tokens.
client = Client()


def app(_environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer with the user that `signedin login` signed in, as the backend knows them."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [client.users.get_profile().email.encode()]
