"""What an index may do wrong: links to elsewhere, lost answers, refusals. Each is reported; no password gets away."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release import index
from generator.release.index import Index, missing, upload
from tests.release.faulty import OK, Faulty, faulty
from tests.release.indexes import wheel

PASSWORD = "s3cret-of-the-index"
NAME = "signedin-1.0-py3-none-any.whl"


def at(served: Faulty) -> Index:
    return Index(f"{served.root}/simple", f"{served.root}/", "team", PASSWORD)


def linking(*links: str) -> bytes:
    return "".join(f'<a href="{link}">x</a>' for link in links).encode()


@pytest.fixture
def elsewhere() -> Iterator[Faulty]:
    """Another host: it has every file, and a page that links to one."""
    page = linking(f"/files/{NAME}")
    with faulty(lambda path: (OK, "", page if path.endswith("/") else b"bytes")) as served:
        yield served


@pytest.mark.parametrize("way", ["a link", "a redirect of the file", "a redirect of the page"])
def test_password_goes_to_no_other_host_than_the_index(elsewhere: Faulty, way: str) -> None:
    def answer(path: str) -> tuple[int, str, bytes]:
        if way == "a redirect of the page":
            return 302, f"{elsewhere.root}/simple/signedin/", b""
        if path.endswith("/"):
            return OK, "", linking(f"{elsewhere.root if way == 'a link' else ''}/{NAME}")
        return 302, f"{elsewhere.root}{path}", b""

    with faulty(answer) as own:
        assert at(own).hashes("signedin", {NAME}) == {NAME: digest(b"bytes")}
    assert elsewhere.requests
    assert {authorization for *_, authorization in elsewhere.requests} == {None}
    assert None not in {authorization for *_, authorization in own.requests}


def test_redirect_within_the_index_keeps_the_password() -> None:
    pages = {"/simple/signedin/": (302, "/other/signedin/", b""), "/other/signedin/": (OK, "", linking(f"../{NAME}"))}
    with faulty(lambda path: pages.get(path, (OK, "", b"bytes"))) as own:
        assert at(own).hashes("signedin", {NAME}) == {NAME: digest(b"bytes")}
    assert len(own.requests) == 3
    assert None not in {authorization for *_, authorization in own.requests}


def test_only_the_files_in_question_are_fetched() -> None:
    page = linking("/old/signedin-0.9.whl", f"/{NAME}#SHA256={'AB' * 32}", "http://[", "mailto:team@example.com")
    with faulty(lambda path: (OK, "", page if path.endswith("/") else b"")) as own:
        assert at(own).hashes("signedin", {NAME, "signedin-1.0.tar.gz"}) == {NAME: "ab" * 32}
    assert [path for _, path, _ in own.requests] == ["/simple/signedin/"]


@pytest.mark.parametrize(
    ("page", "file", "message"),
    [
        (302, 200, "cannot be read"),  # to itself, for ever
        (200, 404, "has no such file"),
        (200, 403, r"refuses the credentials \(403\)"),
        (401, 200, r"refuses the credentials \(401\)"),
        (503, 200, "answers 503"),
    ],
)
def test_index_that_cannot_be_read_is_reported_before_anything_is_uploaded(
    tmp_path: Path, page: int, file: int, message: str
) -> None:
    def answer(path: str) -> tuple[int, str, bytes]:
        if path.endswith("/"):
            return page, path if page == 302 else "", linking(f"/{NAME}")
        return file, "", b""

    with faulty(answer) as own, pytest.raises(GeneratorError, match=rf"{message}(?s:.*)othing was uploaded"):
        missing(at(own), "signedin", [wheel(tmp_path, "signedin", "1.0")])


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_refused_upload_is_reported_with_its_status_and_what_is_up_by_then(
    tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PUBLISH_TOKEN", "somebody-elses")
    with (
        faulty(lambda path: (status, "", PASSWORD.encode()) if path == "/" else (404, "", b"")) as own,
        pytest.raises(
            GeneratorError, match=rf"was refused:(?s:.*){status}(?s:.*)Uploaded: nothing.*goes on"
        ) as message,
    ):
        upload(at(own), "signedin", [wheel(tmp_path, "signedin", "1.0")])
    assert PASSWORD not in str(message.value)
    assert [method for method, *_ in own.requests].count("POST") == 1


def test_redirected_upload_takes_no_password_to_another_host(tmp_path: Path, elsewhere: Faulty) -> None:
    with (
        faulty(lambda path: (307, f"{elsewhere.root}/", b"") if path == "/" else (404, "", b"")) as own,
        pytest.raises(GeneratorError, match="was refused"),
    ):
        upload(at(own), "signedin", [wheel(tmp_path, "signedin", "1.0")])
    assert {authorization for *_, authorization in elsewhere.requests} <= {None}


@pytest.mark.parametrize("arrived", [True, False])
def test_upload_without_an_answer_is_judged_by_what_the_index_has(
    tmp_path: Path, arrived: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_SECONDS", 0.01)
    file = wheel(tmp_path, "signedin", "1.0")
    link = linking(f"/{NAME}#sha256={digest(file.read_bytes())}")
    with faulty(lambda _: (OK, "", link if arrived else b"")) as own:
        if arrived:
            upload(at(own), "signedin", [file])
        else:
            with pytest.raises(GeneratorError, match=r"no answer within(?s:.*)goes on"):
                upload(at(own), "signedin", [file])


def test_upload_without_uv_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(subprocess, "Popen", lacks)
    with (
        faulty(lambda _: (404, "", b"")) as own,
        pytest.raises(GeneratorError, match=r"uv does not run.*Install requirements/dev\.txt"),
    ):
        upload(at(own), "signedin", [wheel(tmp_path, "signedin", "1.0")])
