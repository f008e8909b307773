"""The command around a client of a user's own, in this process, on a fake server: `--client shop:Shop`."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import keyring
import pytest
import signedin_sdk.contract
from keyring.errors import InitError
from signedin import Client, stores
from signedin.cli import commands
from signedin_sdk.types import Constant, Place

from tests.cli.running import EMAIL, PASSWORD, Result, Shell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from signedin.testing import FakeAuthServer

    Run = Callable[..., Result]
LOGIN = signedin_sdk.contract.ISSUES[1]


@pytest.fixture
def run(server: FakeAuthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with clients of the module `shop`; its own clock is the machine's: the tokens end in 2027."""

    class Shop(Client):
        def __init__(self, base_url: str, **options: Any) -> None:
            super().__init__(base_url, transport=server.transport, max_retries=0, clock=server.clock, **options)

    class Tokens:
        def __init__(self, client: Client) -> None:
            self._client = client

        def obtain_pair(self, *, grant_type: str, user_name: str, client_secret: str, otp_code: str = "") -> None:
            assert (grant_type, client_secret, otp_code) == ("password", PASSWORD, "")
            self._client.session.sign_in(server.issue(user_name))

    class Other(Shop):
        tokens = property(Tokens)
        when = Constant(Place("body", "/grantType"), "password")
        issues = LOGIN._replace(operation_id="obtainPair", when=when), LOGIN._replace(operation_id="obtainOther")
        api = SimpleNamespace(**{**vars(signedin_sdk.contract), "ISSUES": issues})  # type: ignore[assignment]

    shop = ModuleType("shop")
    shop.Shop, shop.Other, shop.nothing = Shop, Other, 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", shop)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*arguments: str, typed: str = "", client: str = "shop:Shop", **exported: str) -> Result:
        shell = Shell(tmp_path, exported)
        return shell.run(*arguments, *(["--client", client] if client else []), typed=typed)

    return run


@pytest.fixture
def signed_in(run: Run, server: FakeAuthServer) -> Run:
    done = run("login", EMAIL, "--base-url", server.base_url, typed=PASSWORD)
    assert done.code == 0, done.err
    return run


def test_the_address_and_the_account_of_a_profile_need_no_repetition(signed_in: Run, server: FakeAuthServer) -> None:
    status = signed_in("status", "--json").json
    assert (status["account"], status["base_url"], status["signed_in"]) == (EMAIL, server.base_url, True)
    again = signed_in("login", typed=PASSWORD)
    assert (again.code, again.err) == (0, "")  # where the tokens are is a line of the first time alone
    assert signed_in("status", "--profile", "other", "--json").json["base_url"] != server.base_url


def test_what_the_command_remembers_holds_no_secret_and_is_private(signed_in: Run, tmp_path: Path) -> None:
    path = tmp_path / ".local/state/signedin/accounts.json"
    text = path.read_text()
    assert EMAIL in text
    assert not [secret for secret in (PASSWORD, *_tokens(tmp_path)) if secret in text]
    assert path.stat().st_mode & 0o077 == 0
    path.write_text('{"accounts": [7]}')
    assert signed_in("status").code == 3  # as without one


def test_the_account_is_not_shown_for_another_users_tokens(
    signed_in: Run, server: FakeAuthServer, tmp_path: Path
) -> None:
    with Client(server.base_url, store=f"file:{tmp_path}/.local/state/signedin/tokens.json") as client:
        client.session.sign_in(server.issue("grace@example.com"))
    status = signed_in("status", "--json").json
    assert (status["signed_in"], status["account"]) == (True, None)


def test_profiles_lists_who_is_signed_in_where(signed_in: Run, server: FakeAuthServer) -> None:
    assert signed_in("login", EMAIL, "--profile", "b", "--base-url", server.base_url, typed=PASSWORD).code == 0
    assert signed_in("logout", "--profile", "b").code == 0
    assert signed_in("profiles").out.splitlines() == [
        f"b: not signed in at {server.base_url} (shop:Shop)",
        f"default: signed in as {EMAIL} at {server.base_url} (shop:Shop)",
    ]
    assert [row["signed_in"] for row in signed_in("profiles", "--json").json["profiles"]] == [False, True]


def test_token_is_one_line_and_is_refreshed_near_its_end(
    signed_in: Run, server: FakeAuthServer, tmp_path: Path
) -> None:
    assert signed_in("token", "--quiet").out.strip() in _tokens(tmp_path)
    assert server.ledger["rotations"] == 0
    server.clock.advance(server.access_ttl - 1)
    assert signed_in("token").out.strip() in _tokens(tmp_path)
    assert server.ledger["rotations"] == 1
    server.clock.advance(server.access_ttl)
    server.fail("refreshToken", "busy for an hour")
    later = signed_in("token", "--json")
    assert (later.code, later.out, later.problem["retry_after"]) == (4, "", 3600)


def test_quiet_writes_nothing_and_the_code_tells(signed_in: Run) -> None:
    assert signed_in("status", "--quiet") == Result(0, "", "")
    assert signed_in("logout", "--quiet") == Result(0, "", "")
    assert signed_in("status", "--quiet") == Result(3, "", "")


def test_login_asks_for_the_arguments_of_the_operation_that_issues_tokens(run: Run, server: FakeAuthServer) -> None:
    place = ["--base-url", server.base_url, "--operation", "obtainPair"]
    missing = run("login", *place, client="shop:Other")
    assert missing.err == "signedin: No user name: give it as an argument, as in signedin login USER_NAME\n"
    done = run("login", f"user_name={EMAIL}", *place, typed=PASSWORD, client="shop:Other")
    assert done.out.startswith(f"Signed in as {EMAIL}.\n"), done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["login", EMAIL], "Those that issue tokens: obtainPair, obtainOther. Name one with --operation."),
        (["login", EMAIL, "--operation", "obtainPear"], "Those that issue tokens"),
        (["login", "user=ada", "--operation", "obtainPair"], "it has: user_name, client_secret, otp_code."),
        (["register", EMAIL], "No one operation of this API is register."),
        (["sttaus"], "Did you mean status?"),
        (["status", "--jsno"], "Did you mean --json?"),
        (["status", "--base-url", "http://api.example.com"], "add --allow-http"),
    ],
)
def test_wrong_usage_names_what_would_be_right(
    run: Run, server: FakeAuthServer, arguments: list[str], words: str
) -> None:
    place = [] if "--base-url" in arguments else ["--base-url", server.base_url]
    result = run(*arguments, *place, typed=PASSWORD, client="shop:Other")
    assert (result.code, result.out) == (2, "")
    assert words in result.err


@pytest.mark.parametrize("client", ["shop", "shop:Nobody", "shop:nothing", "no_such_module:Shop"])
def test_a_client_that_is_none_is_wrong_usage(run: Run, server: FakeAuthServer, client: str) -> None:
    result = run("login", EMAIL, "--base-url", server.base_url, typed=PASSWORD, client=client)
    assert result.code == 2
    assert f"--client {client}" in result.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(run: Run, shell: str) -> None:
    script = run("completion", shell, client="").out
    assert "doctor" in script
    assert "allow-http" in script


@pytest.mark.parametrize("works", [True, False])
def test_tokens_go_to_a_keyring_that_works(
    run: Run, server: FakeAuthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    opened: list[str] = []

    def open_store(url: str) -> Any:
        opened.append(url)
        return real(f"file:{tmp_path}/ring.json" if url == "keyring:" else url)

    real = stores.open_store
    monkeypatch.setattr(commands, "open_store", open_store)
    monkeypatch.setattr(commands, "_keyring_works", lambda: works)
    assert run("login", EMAIL, "--base-url", server.base_url, typed=PASSWORD).code == 0
    assert run("status").code == 0
    assert opened == ["keyring:" if works else "file:"] * 2


def test_an_encrypted_file_is_still_a_file(run: Run, server: FakeAuthServer) -> None:
    place = ["--base-url", server.base_url]
    done = run("login", EMAIL, *place, typed=PASSWORD, SIGNEDIN_STORE_KEY="ab" * 32)
    assert done.err.endswith("since no keyring works here.\n")


def test_the_variable_of_our_own_api_is_for_no_other(run: Run) -> None:
    ours = {"SIGNEDIN_BASE_URL": "https://ours.example"}
    assert run("status", "--json", **ours).json["base_url"] == signedin_sdk.contract.DEFAULT_BASE_URL
    assert run("status", "--json", client="", **ours).json["base_url"] == "https://ours.example"


def test_windows_has_the_keyring_alone(run: Run, server: FakeAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "keyring", None)
    refused = run("login", EMAIL, "--base-url", server.base_url, typed=PASSWORD)
    assert (refused.code, refused.err) == (
        2, "signedin: --store keyring: needs the keyring library: pip install signedin[keyring]\n",
    )  # fmt: skip


def test_a_profile_may_bear_the_name_of_a_command(signed_in: Run) -> None:
    assert signed_in("--profile", "login", "status", "--base-url", "https://a.example").code == 3


def _tokens(home: Path) -> set[str]:
    records = json.loads((home / ".local/state/signedin/tokens.json").read_text())["records"].values()
    return {json.loads(one["data"])[name] for one in records for name in ("access_token", "refresh_token")}


@pytest.mark.usefixtures("run")  # for its home
@pytest.mark.parametrize(("priority", "fails", "works"), [(5, False, True), (0.5, False, False), (5, True, False)])
def test_a_keyring_works_if_it_encrypts_and_answers(
    monkeypatch: pytest.MonkeyPatch, priority: float, fails: bool, works: bool
) -> None:
    def get_password(*_: str) -> None:
        if fails:
            raise InitError("locked")

    ring = SimpleNamespace(priority=priority, get_password=get_password)
    monkeypatch.setattr(keyring, "get_keyring", lambda: ring)
    assert commands._keyring_works() is works
