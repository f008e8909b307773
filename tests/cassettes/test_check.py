"""The cassettes against `openapi.yaml`, and the check itself against cassettes that are wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from signedin.testing.cassettes import CassetteError, Interaction, read

from tests.cassettes.check import CASSETTES, EXCUSED, covered, documented, problems_of, read_all

Wrong = Callable[[Interaction], Interaction]


def _interaction(operation: str, status: int) -> Interaction:
    return next(
        one
        for interactions in read_all(CASSETTES).values()
        for one in interactions
        if one.url.endswith(operation) and one.status == status
    )


def _problems(*interactions: Interaction) -> list[str]:
    return [line for line in problems_of({"wrong.yaml": list(interactions)}) if line.startswith("wrong.yaml")]


def test_every_cassette_is_as_the_contract_says() -> None:
    assert list(problems_of(read_all(CASSETTES))) == []


def test_command_prints_the_pairs_that_no_cassette_has() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.cassettes.check"],
        cwd=CASSETTES.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith(f"{len(documented()) - len(EXCUSED)} of {len(documented())} pairs")
    assert [line.split("(")[0].strip() for line in lines[1:]] == [
        f"no cassette: {operation} {status}" for operation, status in sorted(EXCUSED)
    ]


def test_command_fails_for_a_broken_cassette(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("interactions: [")
    command = [sys.executable, "-m", "tests.cassettes.check", str(tmp_path)]
    done = subprocess.run(command, cwd=CASSETTES.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "broken.yaml" in done.stderr


def test_pair_that_no_cassette_has_is_a_problem() -> None:
    cassettes = {name: one for name, one in read_all(CASSETTES).items() if "too_many" not in name}
    assert "login 429: in no cassette" in set(problems_of(cassettes))


def test_excuse_for_a_pair_that_is_covered_or_not_documented_is_a_problem() -> None:
    excused = {**EXCUSED, ("login", 200): "", ("login", 418): ""}
    assert list(problems_of(read_all(CASSETTES), excused)) == [
        "login 200: excused for nothing",
        "login 418: excused for nothing",
    ]


def test_every_excuse_has_a_reason() -> None:
    assert all(EXCUSED.values())
    assert not EXCUSED.keys() & covered(read_all(CASSETTES))


def _body(**changed: Any) -> Wrong:
    def wrong(one: Interaction) -> Interaction:
        body = {**json.loads(one.response_body), **changed}
        return replace(one, response_body=json.dumps({name: value for name, value in body.items() if value != "gone"}))

    return wrong


WRONG: Final[dict[str, Wrong]] = {
    "an undocumented status": lambda one: replace(one, status=418),
    "an unknown path": lambda one: replace(one, url=one.url + "s"),
    "another method": lambda one: replace(one, method="PUT"),
    "another server": lambda one: replace(one, url=one.url.replace("localhost", "example.com")),
    "a missing property": _body(email="gone"),
    "a value of another type": _body(id=7),
    "a date that is none": _body(createdAt="yesterday"),
    "an answer that is no JSON": lambda one: replace(one, response_body="<html>"),
    "an answer of another type": lambda one: replace(one, response_headers={"content-type": "text/html"}),
    "a missing bearer": lambda one: replace(one, request_headers={}),
    "a body where none is documented": lambda one: replace(one, request_body="{}"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_interaction_that_is_not_as_the_contract_says_is_a_problem(wrong: str) -> None:
    right = _interaction("/users/profile", 200)
    assert _problems(right) == []
    assert len(_problems(WRONG[wrong](right))) == 1


WRONG_REQUESTS: Final[dict[str, Wrong]] = {
    "a missing property": lambda one: replace(one, request_body="{}"),
    "an empty token": lambda one: replace(one, request_body='{"refreshToken": ""}'),
    "no JSON": lambda one: replace(one, request_body="refreshToken"),
    "another type": lambda one: replace(one, request_headers={"content-type": "text/plain"}),
    "an attempt without a name": lambda one: replace(
        one, request_headers={**one.request_headers, "idempotency-key": "not a name"}
    ),
    "a bearer for nothing": lambda one: replace(
        one, request_headers={**one.request_headers, "authorization": "Bearer it"}
    ),
}


@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_request_that_is_not_as_the_contract_says_is_a_problem(wrong: str) -> None:
    right = _interaction("/auth/refreshToken", 200)
    assert _problems(right) == []
    assert len(_problems(WRONG_REQUESTS[wrong](right))) == 1


def test_request_that_is_refused_for_its_body_may_be_wrong() -> None:
    assert _problems(_interaction("/auth/refreshToken", 400), _interaction("/auth/refreshToken", 415)) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "interactions: [",
        "version: 1\ninteractions: []\n",
        "version: 1\n",
        "version: 2\ninteractions: [{}]\n",
        "version: 1\ninteractions: [{request: {}}]\n",
        "- request",
        "just a text",
        "version: 1\ninteractions: [!!python/name:os.system {}]\n",
    ],
)
def test_broken_or_empty_cassette_is_an_error_and_not_an_empty_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(CassetteError, match=r"broken\.yaml"):
        read(tmp_path / "broken.yaml")


def test_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CassetteError):
        read_all(tmp_path)


def test_folder_without_cassettes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="make record"):
        read_all(tmp_path)
