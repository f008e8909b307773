"""What whoever runs the backend relies on: the statements of docs/backend.md, no account and no way in of our own."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from signedin_backend.app import BASE
from signedin_backend.settings import OPTIONS, PREFIX, shown
from sqlalchemy import create_engine, text

from tests.backend.running import Serve, Served
from tests.backend.work import hashing_held
from tests.contract import operations

PAGE = Path(__file__).parents[2] / "docs" / "backend.md"


def statement(name: str) -> str:
    """Return the SQL that stands under this heading in the page."""
    section = re.search(
        rf"^### {name}\n.*?```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert section, name
    return section[1]


def run(served: Served, name: str) -> None:
    engine = create_engine(served.settings.database)
    with engine.begin() as connection:
        for one in statement(name).split(";"):
            if one.strip():
                connection.execute(text(one), {"email": "ada@example.com"} if ":email" in one else {})
    engine.dispose()


@pytest.fixture
def pairs(served: Served) -> list[dict[str, str]]:
    """Two sessions of one user, one of another."""
    return [served.pair(), served.login().json(), served.pair("bob@example.com")]


def alive(served: Served, pairs: list[dict[str, str]]) -> list[tuple[bool, bool]]:
    return [
        (served.profile(pair["accessToken"]).is_success, served.refresh(pair["refreshToken"]).is_success)
        for pair in pairs
    ]


def test_an_administrator_ends_every_session_of_one_user(served: Served, pairs: list[dict[str, str]]) -> None:
    run(served, "End the sessions of one user")
    assert alive(served, pairs) == [(False, False), (False, False), (True, True)]
    assert served.login().status_code == 200


def test_an_administrator_ends_every_session(served: Served, pairs: list[dict[str, str]]) -> None:
    run(served, "End every session")
    assert alive(served, pairs) == [(False, False)] * 3


def test_a_removed_user_is_signed_out_everywhere_and_at_once(served: Served, pairs: list[dict[str, str]]) -> None:
    run(served, "Remove a user")
    assert alive(served, pairs) == [(False, False), (False, False), (True, True)]
    assert served.login().status_code == 403
    assert served.rows("SELECT count(*) FROM sessions")[0][0] == 1


def test_a_new_database_knows_nobody(served: Served) -> None:
    assert served.rows("SELECT count(*) FROM users")[0][0] == 0


def test_a_password_does_not_age(served: Served) -> None:
    served.register()
    served.clock.advance(10 * 365 * 86_400)
    assert served.login().status_code == 200


def test_every_way_in_is_one_of_the_contract(served: Served) -> None:
    ways = {(method, route.path) for route in served.app.routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    beside = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/openapi.json"), ("GET", "/metrics")}
    assert ways - beside == {(method, BASE + path) for method, path in operations()}


def test_every_option_stands_in_the_page_with_its_default() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \| .+ \|$", page, re.MULTILINE))
    defaults = {option.name: shown(option.default) for option in OPTIONS}
    defaults["hash_threads"] = "cores − 1"  # noqa: RUF001  # a minus
    assert rows == defaults
    assert PREFIX in page


def test_a_profile_is_answered_while_every_place_for_hashing_is_taken(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(hash_threads=1, hash_queue=4)
    pair = served.pair()
    with ThreadPoolExecutor(5) as pool:
        with hashing_held(monkeypatch) as wait:
            logins = [pool.submit(served.login) for _ in range(5)]
            wait(1)
            assert served.profile(pair["accessToken"]).status_code == 200
            assert served.refresh(pair["refreshToken"]).status_code == 200
        assert {login.result(30).status_code for login in logins} <= {200, 503}
