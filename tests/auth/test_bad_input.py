"""What users get wrong, and what servers send that they should not: typed errors that say what to do."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import signedin_sdk.contract
from signedin import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AsyncClient,
    BadRequestError,
    Client,
    ConfigurationError,
    MemoryStore,
    ServerError,
    Timing,
    TokenSession,
)
from signedin.errors import status_error
from signedin.protocols import NotSent

from tests.auth.contracts import contract
from tests.auth.driving import Drive, Scripted, Server


@pytest.mark.anyio
@pytest.mark.parametrize("operation", ["login", "register"])
async def test_empty_credentials_say_what_is_missing(drive: Drive, server: Server, operation: str) -> None:
    async with drive.client(server, signed_in=False) as client:
        with pytest.raises(BadRequestError, match="email and a password") as error:
            await drive(getattr(client.auth, operation), email="ada@example.com", password="")
        assert error.value.status_code == 400
        assert getattr(error.value.body, "message", None) == error.value.message
        assert not client.session.is_signed_in


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_missing_base_url_says_where_to_give_it(kind: type[Client]) -> None:
    with pytest.raises(ConfigurationError, match="No base URL"):
        type("Shop", (kind,), {"api": contract()})()


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_default_base_url_is_that_of_the_spec(kind: type[Client]) -> None:
    assert repr(kind()) == f"<signedin.{kind.__name__} {signedin_sdk.contract.DEFAULT_BASE_URL}>"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_environment_gives_the_base_url(kind: type[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNEDIN_BASE_URL", "https://env.test/api/")
    assert repr(kind()) == f"<signedin.{kind.__name__} https://env.test/api>"
    assert "https://given.test" in repr(kind("https://given.test"))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "url",
    ["localhost:5000", "/api/v1", "ftp://auth.test", "https://", "https:///x", "auth.test",
     "https://[::1", "http://a:b/", *(["https://xn--/"] if httpx.__name__ == "httpx" else [])],  # which httpx2 takes
)  # fmt: skip
def test_a_base_url_that_is_none_is_refused(kind: type[Client], url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no URL|no absolute URL"):
        kind(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://ada:s3cret@auth.test", "sign in instead"),
        ("http//ada:s3cret@auth.test", "no absolute URL"),
        ("ada:s3cret@auth.test", "no absolute URL"),
        ("https://ada:s3cret@auth.test:x", "no URL"),
    ],
)
def test_a_base_url_with_a_password_is_refused_unquoted(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        Client(url)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("ending", ["?tenant=1", "#v1"])
def test_a_base_url_that_goes_on_after_its_path_is_refused(ending: str) -> None:
    with pytest.raises(ConfigurationError, match="no query and no fragment"):
        Client(f"https://auth.test/api/v1{ending}")


def test_a_base_url_may_be_one_of_httpxs_and_limits_are_httpxs() -> None:
    assert repr(Client(httpx.URL("https://auth.test/api"))) == "<signedin.Client https://auth.test/api>"  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="limits"):
        Client("https://auth.test/api", limits=3)  # type: ignore[arg-type]


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.anyio
async def test_an_unreachable_server_is_named(drive: Drive, closed_port: int) -> None:
    client: Any = (AsyncClient if drive.is_async else Client)(f"http://127.0.0.1:{closed_port}/api/v1")
    with pytest.raises(APIConnectionError, match=f"127.0.0.1:{closed_port}.*is the server running"):
        await drive(client.auth.login, email="a@b.c", password="x")
    await drive.close(client)


@pytest.mark.anyio
async def test_a_server_that_speaks_html_says_so(drive: Drive, server: Server, client: Any) -> None:
    server.fail("login", "html", "502 html")
    with pytest.raises(APIResponseError, match=r"text/html instead of JSON.*base URL right"):
        await drive(client.auth.login, email="a@b.c", password="x")
    with pytest.raises(ServerError, match="text/html"):
        await drive(client.auth.login, email="a@b.c", password="x")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("connect timeout", APITimeoutError),
        ("pool timeout", APITimeoutError),
        ("read timeout", APITimeoutError),
        ("write timeout", APITimeoutError),
        ("connect error", APIConnectionError),
        ("read error", APIConnectionError),
        ("protocol error", APIConnectionError),
    ],
)
@pytest.mark.usefixtures("exchange")
async def test_trouble_of_the_network_is_typed(
    drive: Drive, server: Server, fault: str, error: type[APIError], client: Any
) -> None:
    server.fail("getProfile", fault)
    with pytest.raises(error, match="GET /users/profile") as raised:
        await drive(client.users.get_profile)
    assert isinstance(raised.value.__cause__, httpx.TransportError)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequestError"), (401, "UnauthorizedError"), (403, "ForbiddenError"), (404, "NotFoundError"),
     (409, "ConflictError"), (418, "APIStatusError"), (422, "UnprocessableEntityError"), (429, "RateLimitError"),
     (500, "ServerError"), (520, "ServerError"), (599, "ServerError")],
)  # fmt: skip
def test_each_status_has_its_error(server: Server, status: int, name: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"message": "no", "stack": ""}, headers={"x-request-id": "r-1"})

    client = Client(server.base_url, transport=httpx.MockTransport(answer), max_retries=0)
    with pytest.raises(APIStatusError) as error:
        client.auth.login(email="a@b.c", password="x")
    assert type(error.value).__name__ == name
    assert status_error(status) is type(error.value)
    assert (error.value.status_code, error.value.message, error.value.request_id) == (status, "no", "r-1")
    assert (error.value.method, error.value.path) == ("POST", "/auth/login")
    assert str(error.value) == f"POST /auth/login: {status}: no"
    assert error.value.http_response.status_code == status


@pytest.mark.parametrize(
    ("answer", "asks"),
    [
        (httpx.Response(404, text="<h1>Not Found</h1>"), True),
        (httpx.Response(404, json={"message": "no such user"}), False),
        (httpx.Response(500, text="<h1>Oops</h1>"), False),
    ],
)
def test_a_404_that_is_not_the_apis_asks_for_the_base_url(
    server: Server, answer: httpx.Response, *, asks: bool
) -> None:
    client = Client(server.base_url, transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(APIStatusError) as error:
        client.auth.login(email="a@b.c", password="x")
    assert ("is the base URL right" in str(error.value)) is asks


def test_an_async_only_transport_needs_a_transport_for_the_refresh(server: Server) -> None:
    class Only(httpx.AsyncBaseTransport):
        pass

    with pytest.raises(ConfigurationError, match="refresh_transport"):
        AsyncClient(server.base_url, transport=Only())
    AsyncClient(server.base_url, transport=Only(), refresh_transport=server.transport)


SECRET = "s3cret"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("timeout", "soon"),
        ("timeout", -1),
        ("timeout", float("nan")),
        ("timeout", httpx.Timeout(5, read=0)),
        ("headers", {"x-key": f"{SECRET}☃"}),
        ("headers", {"x-key": f"{SECRET}\r\nx-evil: 1"}),
        ("headers", {"x key": SECRET}),
        ("headers", {"x-key": 5}),
        ("origins", f"https://{SECRET}.test"),
    ],
)
def test_an_argument_that_cannot_work_is_named_and_never_quoted(kind: type[Client], argument: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{argument}=") as error:
        kind("https://auth.test", **{argument: value})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("url", [" https://auth.test", "https://auth.test/a b", "https://auth.test\n"])
def test_a_base_url_with_blanks_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL has no blanks"):
        Client(url)


def test_a_latin_1_header_is_sent(server: Server) -> None:
    with Client(server.base_url, transport=server.transport, headers={"x-name": "Zoë"}) as client:
        assert dict(client.http.headers.raw)[b"x-name"] == "Zoë".encode("latin-1")


def test_a_session_brings_its_store_and_profile(server: Server) -> None:
    session = Client(server.base_url, transport=server.transport).session
    extras: list[dict[str, Any]] = [{"store": "memory:"}, {"profile": "bob"}]
    for extra in extras:
        with pytest.raises(ConfigurationError, match=r"store= and profile="):
            Client(session=session, transport=server.transport, **extra)


def test_an_httpx_client_of_ones_own_is_configured_there(server: Server) -> None:
    with httpx.Client() as own, pytest.raises(ConfigurationError, match="http_client="):
        Client(server.base_url, http_client=own, follow_redirects=True)


@pytest.mark.parametrize(
    "bounds",
    [{"post": 0}, {"post": -1}, {"resends": -1}, {"post": 20}, {"resends": 50}, {"flight": 40}, {"lease": 30},
     {"save": 10}, {"waiter": 10}, {"waiter": 0}, {"waiter": float("inf")}, {"post": float("nan")}],
)  # fmt: skip
def test_bounds_that_do_not_fit_into_each_other_are_refused(server: Server, bounds: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="Timing"):
        Client(server.base_url, timing=Timing(**bounds))


@pytest.mark.parametrize("resends", [0, 2])
@pytest.mark.parametrize("grace", [1.0, 11.0, 20.0, 42.9, 43.0, 600.0])
def test_bounds_are_shortened_to_fit_a_grace_which_counts_for_nothing_where_it_is_too_short(
    grace: float, resends: int
) -> None:
    timing = Timing(resends=resends).within(grace)
    if timing is None:
        assert grace == 1.0
    else:
        assert timing.lease + timing.post <= grace
        assert timing == Timing(resends=resends) or grace < 43


def test_a_configuration_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="Timing"):
        Timing(post=0).checked()


@pytest.mark.parametrize(
    "make",
    [
        lambda store: Client("https://auth.test", store=store),
        lambda store: TokenSession(Scripted(NotSent("never")), origins=[], store=store),
    ],
    ids=["client", "session"],
)
@pytest.mark.parametrize(
    ("store", "reason"),
    [
        (object(), "this object is no TokenStore: it has no private, load, compare_and_set, try_lock, unlock"),
        ({}, "this dict is no TokenStore"),
        (MemoryStore, r"MemoryStore is a class; pass an instance, such as MemoryStore\("),
    ],
    ids=["object", "dict", "class"],
)
def test_what_is_no_store_is_refused_when_the_client_or_session_is_made(
    make: Callable[[Any], object], store: Any, reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^store: {reason}"):
        make(store)
