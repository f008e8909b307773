"""The set-ups of the suite: a server, the overlay of its document, and what a user of its package types.

`start` runs a set-up's server, takes the document that it serves, and generates and imports its package.
"""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from signedin import AsyncSignedInClient, SignedInClient, TokenPair
from signedin.testing import VirtualClock

from generator.cli import main as generator
from generator.pipeline import Request, generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

# A server that has just been started answers late.
get, post = functools.partial(httpx.get, timeout=60), functools.partial(httpx.post, timeout=60)
PASSWORD: Final = "correct horse battery staple"
ADA: Final = {"username": "ada", "password": PASSWORD}
LOGIN: Final = {"username": "ada@example.com", "password": PASSWORD}
APPLICATION: Final = {"client_id": "app", "client_secret": "s3cret"}
WORKER: Final = {"client_id": "worker", "client_secret": "s3cret", "grant_type": "client_credentials"}
LIFETIME: Final = 30
"""Of every access token, in seconds."""
END: Final = 601
"""After so many seconds every refresh token is over."""
_OVERLAYS: Final = Path(__file__).with_name("overlays")
_NEST: Final = Path(__file__).parent / "servers" / "nest" / "dist" / "main.js"
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, eq=False)
class SetUp:
    """What differs between servers.

    Attributes:
        server: Module and arguments.
        renewal: The entry of the ledger that a renewal makes.
        sign_in: What a user calls; None where the pair comes from elsewhere (`TokenPair`s of `pair`).
        call: The call that wants a token.
        wrong: Credentials that the server refuses, where a client renews by signing in anew.
        options: Further arguments of the client.
        present: Presents a refresh token by hand, to see whether it is dead; None where nothing revokes.
        revoke: Revokes a refresh token by hand, where its server does not look at its age.
        provider: The server that issues the tokens, where the API does not.
        user: Whose the call's answer is, by the server: `name_of_user`.
    """

    name: str
    server: tuple[str, ...]
    overlay: str
    document: str
    renewal: str
    sign_in: Callable[[Any, ModuleType], Any] | None
    call: Callable[[Any], Any]
    wrong: Mapping[str, str] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    present: Callable[[str, TokenPair], httpx.Response] | None = None
    revoke: Callable[[str, TokenPair], httpx.Response] | None = None
    provider: tuple[str, ...] = ()
    user: Callable[[Any], str] = lambda answer: answer.username
    name_of_user: str = "ada"

    @property
    def package(self) -> str:
        return f"{self.name.replace('-', '_')}_sdk"

    @property
    def overlay_file(self) -> Path:
        return _OVERLAYS / f"{self.overlay}.overlay.yaml"


def _simplejwt(name: str, mode: str, overlay: str) -> SetUp:
    return SetUp(
        name=name,
        server=("simplejwt", mode),
        overlay=overlay,
        document="/schema/",
        renewal="POST /api/token/refresh/ 200",
        sign_in=lambda client, sdk: client.api_api.api_token_create(body=sdk.models.TokenObtainPair(**ADA)),
        call=lambda client: client.api_api.api_me_retrieve(),
        present=lambda url, pair: post(f"{url}/api/token/refresh/", json={"refresh": pair.refresh_token}),
    )


def _toolkit_token(url: str, pair: TokenPair) -> httpx.Response:
    form = {**APPLICATION, "grant_type": "refresh_token", "refresh_token": str(pair.refresh_token)}
    return post(f"{url}/o/token/", data=form)


def _toolkit_revocation(url: str, pair: TokenPair) -> httpx.Response:
    return post(f"{url}/o/revoke_token/", data={**APPLICATION, "token": str(pair.refresh_token)})


def _cookie(url: str, pair: TokenPair) -> httpx.Response:
    token = str(pair.refresh_token)
    csrf = jwt.decode(token, options={"verify_signature": False})["csrf"]
    cookies = {"refresh_token_cookie": token}
    return post(f"{url}/refresh", headers={"X-CSRF-TOKEN": csrf}, cookies=cookies)


def _flask(mode: str, present: Callable[[str, TokenPair], httpx.Response]) -> SetUp:
    return SetUp(
        name=f"flask-{mode}",
        server=("flask_jwt", mode),
        overlay=f"flask-{mode}",
        document="/openapi.json",
        renewal="POST /refresh 200",
        sign_in=lambda client, _: client.shop.login(**ADA),
        call=lambda client: client.shop.me(),
        present=present,
    )


def _nest_login(mode: str) -> Callable[[Any, ModuleType], Any]:
    return lambda client, _: getattr(client.auth, f"{mode}_controller_login")(**ADA)


def code_flow(issuer: str) -> TokenPair:
    """Return a pair as a browser's redirect brings it (RFC 6749, section 4.1)."""
    callback = {"client_id": "app", "redirect_uri": "http://127.0.0.1/callback"}
    answer = get(f"{issuer}/authorize", params={**callback, "response_type": "code", "scope": "openid"})
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback["redirect_uri"]}
    tokens = post(f"{issuer}/token", data=form, auth=("app", "s3cret")).json()
    return TokenPair(tokens["access_token"], tokens["refresh_token"])


def _identity(url: str, pair: TokenPair) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": pair.refresh_token}
    return post(f"{url}/token", data=form, auth=("app", "s3cret"))


PYTHON: Final = (
    _simplejwt("simplejwt", "plain", "simplejwt"),
    _simplejwt("simplejwt-rotating", "rotating", "simplejwt-rotating"),
    _simplejwt("simplejwt-blacklist", "blacklist", "simplejwt-rotating"),
    SetUp(
        name="toolkit",
        server=("toolkit",),
        overlay="toolkit-password",
        document="/schema/",
        renewal="POST /o/token/ 200",
        sign_in=lambda client, _: client.oauth.token(grant_type="password", **ADA, **APPLICATION),
        call=lambda client: client.api_api.api_me_retrieve(),
        options={"settings": APPLICATION},
        present=_toolkit_token,
        revoke=_toolkit_revocation,
    ),
    SetUp(
        name="toolkit-worker",
        server=("toolkit",),
        overlay="toolkit-worker",
        document="/schema/",
        renewal="POST /o/token/ 200",
        sign_in=lambda client, _: client.oauth.token(**WORKER),
        call=lambda client: client.api_api.api_me_retrieve(),
        wrong={**WORKER, "client_secret": "wrong"},
        options={"credentials": lambda: WORKER},
        name_of_user="worker",
    ),
    _flask(
        "bearer", lambda url, pair: post(f"{url}/refresh", headers={"Authorization": f"Bearer {pair.refresh_token}"})
    ),
    _flask("cookies", _cookie),
    SetUp(
        name="tutorial",
        server=("tutorial",),
        overlay="tutorial",
        document="/openapi.json",
        renewal="POST /refresh 200",
        sign_in=lambda client, _: client.default.login_for_access_token(**ADA),
        call=lambda client: client.default.read_users_me(),
    ),
    SetUp(
        name="users",
        server=("users",),
        overlay="users",
        document="/openapi.json",
        renewal="POST /auth/jwt/login 200",
        sign_in=lambda client, _: client.auth.jwt_login(**LOGIN),
        call=lambda client: client.users.me(),
        wrong={**LOGIN, "password": "wrong"},
        options={"credentials": lambda: LOGIN},
        user=lambda answer: answer.email,
        name_of_user=LOGIN["username"],
    ),
    SetUp(
        name="orders",
        server=("orders",),
        overlay="orders",
        document="/openapi.json",
        renewal="POST /token 200",
        sign_in=None,
        call=lambda client: client.default.list_orders(),
        options={"settings": APPLICATION},
        present=_identity,
        provider=("identity",),
    ),
)
NODE: Final = tuple(
    SetUp(
        name=f"nest-{mode}",
        server=("nest", mode),
        overlay=f"nest-{mode}",
        document="/openapi.json",
        renewal="POST /auth/refresh 201",
        sign_in=_nest_login(mode),
        call=lambda client: client.users.me_controller_me(),
    )
    for mode in ("pair", "cookie")
)
SETUPS: Final = NODE if os.environ.get("BACKENDS") == "node" else PYTHON


@dataclass(slots=True, eq=False)
class Server:
    """A running server; its clock is `ahead` of the machine's by so many seconds."""

    url: str
    ahead: float = 0.0

    def ledger(self) -> dict[str, int]:
        """Return how often which status left which path."""
        counts: dict[str, int] = get(f"{self.url}/__ledger").json()
        return counts

    def advance(self, seconds: float) -> None:
        """Let time pass for it."""
        self.ahead += seconds
        post(f"{self.url}/__clock", params={"seconds": seconds})


@dataclass(frozen=True, slots=True)
class Backend:
    """A set-up that runs; `issuer` is the server that issues tokens, mostly the API itself."""

    setup: SetUp
    api: Server
    issuer: Server
    document: Path
    sdk: ModuleType
    blocking: type[Any]
    asynchronous: type[Any]

    def renewals(self) -> int:
        """Return how often the issuer renewed tokens, sign-ins included where they share a path."""
        return self.issuer.ledger().get(self.setup.renewal, 0)

    def refusals(self) -> int:
        """Return how often the API refused an access token."""
        return sum(count for entry, count in self.api.ledger().items() if entry.endswith(" 401"))

    def clock(self) -> VirtualClock:
        """Return a clock that agrees with the servers'."""
        return VirtualClock(time.time() + self.api.ahead)

    def advance(self, seconds: float) -> None:
        """Let time pass for the servers."""
        for server in {self.api, self.issuer}:
            server.advance(seconds)


@contextmanager
def start(setup: SetUp, folder: Path) -> Iterator[Backend]:
    """Run the servers of a set-up, and make the package of what the API documents."""
    with ExitStack() as stack:
        provider = stack.enter_context(serve(*setup.provider)) if setup.provider else None
        more = (provider.url,) if provider else ()
        api = stack.enter_context(serve(*setup.server, *more))
        document = fetch(api.url + setup.document, folder)
        output = folder / setup.package
        generate(Request(document, output, overlays=(setup.overlay_file,)), lambda _: None, types=False)
        sdk = imported(output)
        contract = {"api": sdk.contract}
        blocking = type("Blocking", (SignedInClient, sdk.Resources), contract)
        asynchronous = type("Asynchronous", (AsyncSignedInClient, sdk.AsyncResources), contract)
        yield Backend(setup, api, provider or api, document, sdk, blocking, asynchronous)


@contextmanager
def serve(module: str, *arguments: str) -> Iterator[Server]:
    """Run a server module on a port of its own."""
    program = ["node", str(_NEST)] if module == "nest" else [sys.executable, "-m", f"tests.backends.servers.{module}"]
    with subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            assert line.startswith("listening on "), f"{module} did not start"
            yield Server(line.removeprefix("listening on ").strip())
        finally:
            process.terminate()


def fetch(url: str, folder: Path) -> Path:
    """Write the document as the server generates it."""
    text = get(url).text
    path = folder / f"openapi.{'json' if text.startswith('{') else 'yaml'}"
    path.write_text(text, encoding="utf-8")
    return path


def lint(document: Path, *overlays: Path) -> int:
    """Return the exit status of `python -m generator lint`."""
    more = [argument for overlay in overlays for argument in ("--overlay", str(overlay))]
    return generator(["lint", "--spec", str(document), *more])


def imported(package: Path) -> ModuleType:
    """Import a package with its models."""
    sys.path.insert(0, str(package.parent))
    try:
        importlib.import_module(f"{package.name}.models")
        return importlib.import_module(package.name)
    finally:
        sys.path.remove(str(package.parent))
