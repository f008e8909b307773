"""The `signedin` command against the real backend: what it says, where, its exit codes, and what it never shows."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from signedin import FileStore

from tests.cli.running import COMMAND, EMAIL, PASSWORD, PATIENCE, Result, Shell
from tests.servers import Backend
from tests.servers_redis import redis_server


def requests(api: Backend) -> int:
    count: int = httpx.get(f"{api.base_url}/__ledger__").raise_for_status().json()["requests"]
    return count


def tokens_of(shell: Shell) -> set[str]:
    """Return the tokens in the shell's token file."""
    text = shell.tokens.read_text()
    records = [json.loads(entry["data"]) for entry in json.loads(text)["records"].values()]
    return {record[name] for record in records for name in ("access_token", "refresh_token")} - {None}


# -------------------------------------------------------------------------------------------------------- the main way


def test_register_profile_logout(shell: Shell) -> None:
    email = "grace@example.com"
    made = shell.run("register", email, typed=PASSWORD + "\n")
    assert made.code == 0
    assert made.err == f"signedin: The tokens are in file:{shell.tokens}, since no keyring works here.\n"
    assert made.out.startswith(f"Signed in as {email}.\n")
    shown = shell.run_apart(COMMAND, "profile", "--json")
    assert (shown.code, shown.json["email"]) == (0, email)
    left = shell.run("logout", "--json")
    assert (left.code, left.json["signed_in"], left.json["status"]) == (0, False, "signed_out")
    assert shell.run("logout") == Result(0, "Signed out.\n", "")  # signed out already
    refused = shell.run("profile")
    assert (refused.code, refused.out) == (3, "")
    assert refused.err == "signedin: Not signed in. Run: signedin login\n"


def test_a_sign_in_is_there_for_other_programs_of_this_user(signed_in: Shell, api: Backend) -> None:
    path = signed_in.tokens
    assert FileStore(path).load(f"{api.base_url}#default") is not None


def test_plain_answers_are_lines(signed_in: Shell) -> None:
    shown = signed_in.run("profile")
    assert f"email: {EMAIL}" in shown.out.splitlines()


def test_options_stand_before_the_command_or_after_it(signed_in: Shell) -> None:
    assert signed_in.run("--json", "profile").json == signed_in.run("profile", "--json").json


def test_profiles_are_apart(signed_in: Shell) -> None:
    assert signed_in.run("status", "--profile", "other").code == 3
    assert signed_in.run("login", EMAIL, "--profile", "other", typed=PASSWORD).code == 0
    assert signed_in.run("logout").code == 0
    assert signed_in.run("status", "--profile", "other", "--json").json["profile"] == "other"


def test_the_store_is_the_users_choice_and_the_argument_wins(shell: Shell, tmp_path: Path) -> None:
    exported = shell.export(SIGNEDIN_STORE=f"file://{tmp_path}/a.json")
    assert exported.run("login", EMAIL, typed=PASSWORD).code == 0
    assert (tmp_path / "a.json").exists()
    assert exported.run("login", EMAIL, "--store", f"file://{tmp_path}/b.json", typed=PASSWORD).code == 0
    assert (tmp_path / "b.json").exists()
    assert not shell.tokens.exists()


def test_the_base_url_is_an_argument_too(api: Backend, shell: Shell) -> None:
    bare = Shell(shell.home, {})
    status = bare.run("status").out
    assert "base url: http://localhost:5000/api/v1\n" in status  # the spec's
    assert ": -\n" not in status  # nor a line without a value
    assert bare.run("status", "--base-url", api.base_url).code == 3


def test_redis_with_a_password_from_the_environment(shell: Shell) -> None:
    with TemporaryDirectory(prefix="redis-") as folder, redis_server(Path(folder), password="p4ss-of-redis") as redis:
        remote = shell.export(SIGNEDIN_STORE=redis.url)
        results = [remote.run("login", EMAIL, typed=PASSWORD), remote.run("status"), remote.run("doctor")]
        assert [answer.code for answer in results] == [0, 0, 0]
        assert "store kind: RedisStore" in results[2].out
        redis.kill()
        results += [remote.run("status"), remote.run("doctor")]
        assert [answer.code for answer in results[3:]] == [1, 1]
        assert "Cannot read the tokens" in results[3].err
        assert "Connection refused" in results[4].out
        assert not any("p4ss-of-redis" in answer.out + answer.err for answer in results)
        argued = shell.run("status", "--store", redis.url)
        assert argued.code == 2
        assert "set SIGNEDIN_STORE instead" in argued.err
        assert "p4ss" not in argued.err


# --------------------------------------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    "arguments",
    [[], ["sing-in"], ["status", "--nonsense"], ["login"], ["login", EMAIL], ["status", "--store", "redi://host"],
     ["status", "--store", "memory:"], ["status", "--base-url", "not a url"],
     ["status", "--base-url", "http://api.example.com"], ["status", "--profile", ""]],
)  # fmt: skip
def test_wrong_usage_is_code_two_and_one_line(alone: Shell, arguments: list[str]) -> None:
    result = alone.run(*arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("signedin: ")
    assert alone.run(*arguments, "--json").problem["exit_code"] == 2


def test_an_ended_session_is_code_three(signed_in: Shell, api: Backend) -> None:
    (refresh_token,) = (token for token in tokens_of(signed_in) if token.count(".") != 2)
    httpx.post(f"{api.base_url}/auth/logout", json={"refreshToken": refresh_token}).raise_for_status()
    path = signed_in.tokens
    content = json.loads(path.read_text())
    for entry in content["records"].values():
        # As if the access token had expired.
        entry["data"] = json.dumps(json.loads(entry["data"]) | {"clock_offset": 1e6})
    path.write_text(json.dumps(content))
    expired = signed_in.run("profile", "--json")
    assert (expired.code, expired.problem["error"]) == (3, "SessionExpiredError")
    assert signed_in.run("doctor").out.startswith("1. Calls fail: the session has expired.\n")


def test_a_refusal_of_the_server_is_code_one_in_its_own_words(shell: Shell) -> None:
    refused = shell.run("login", EMAIL, "--json", typed="a wrong password")
    assert (refused.code, refused.out) == (1, "")
    assert (refused.problem["error"], refused.problem["status_code"]) == ("ForbiddenError", 403)
    assert refused.problem["request_id"]


def test_no_server_is_code_four(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/api/v1"
    result = shell.run("login", EMAIL, "--base-url", nowhere, typed=PASSWORD)
    assert result.code == 4
    assert "could not connect" in result.err


def test_a_damaged_store_is_code_one(signed_in: Shell) -> None:
    signed_in.tokens.write_text("{")
    results = [signed_in.run("status"), signed_in.run("status")]
    assert [result.code for result in results] == [1, 1]
    assert all("Nothing was changed" in result.err for result in results)
    examined = [signed_in.run("doctor", "--json").json["problems"][0]["cause"] for _ in range(2)]
    assert all("is damaged" in problem for problem in examined)
    used = signed_in.run("profile")
    assert used.code == 1
    assert "nothing is lost" in used.err


# ------------------------------------------------------------------------------------------------------------- secrets


def test_no_answer_shows_a_token_or_the_password(signed_in: Shell) -> None:
    secrets = {PASSWORD, *tokens_of(signed_in)}
    results: list[Result] = []
    for command in ("profile", "status", "doctor"):
        results += [signed_in.run(command), signed_in.run(command, "--json")]
    results.append(signed_in.run("login", EMAIL, "--json", typed=PASSWORD))
    secrets |= tokens_of(signed_in)
    results.append(signed_in.run("logout"))
    assert len(secrets) == 5
    assert not [secret for secret in secrets if any(secret in answer.out + answer.err for answer in results)]


@pytest.mark.parametrize(
    "arguments",
    [["login", EMAIL, PASSWORD], ["login", EMAIL, "--password", PASSWORD], ["login", f"password={PASSWORD}"]],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_password_among_the_arguments_is_refused_and_not_echoed(
    alone: Shell, arguments: list[str], as_json: list[str]
) -> None:
    result = alone.run(*arguments, *as_json, typed=PASSWORD)
    assert result.code == 2
    assert "never an argument" in result.err
    assert PASSWORD not in result.err + result.out


def test_a_password_in_the_environment_is_not_read(alone: Shell) -> None:
    assert alone.export(SIGNEDIN_PASSWORD=PASSWORD).run("login", EMAIL).code == 2


def test_while_it_sends_the_password_ps_shows_nothing_of_it(shell: Shell) -> None:
    with signing_in(shell) as process:
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert b"login" in shown
    assert b"correct horse" not in shown


@pytest.mark.parametrize(
    ("typed", "code"),
    [(f"{PASSWORD}\n", 0), (f"{PASSWORD}\r\n", 0), (PASSWORD, 0), (f"{PASSWORD}\nrest", 0), (f" {PASSWORD}\n", 1),
     ("\n", 2), ("", 2)],
)  # fmt: skip
def test_the_password_is_one_line_and_only_its_end_is_cut(shell: Shell, typed: str, code: int) -> None:
    assert shell.run("login", EMAIL, typed=typed).code == code


def test_an_argument_that_is_no_text_is_wrong_usage(shell: Shell) -> None:
    assert shell.run_apart(COMMAND, "login", os.fsdecode(b"ada\xff@example.com"), typed=PASSWORD).code == 2


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_bytes_that_are_no_text_are_wrong_usage(shell: Shell, errors: str) -> None:
    process = shell.export(PYTHONIOENCODING=f"utf-8:{errors}").start(
        "login", EMAIL, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, err = process.communicate(b"\xff\xfe\n", timeout=PATIENCE)
    assert process.returncode == 2
    assert err == b"signedin: The password on standard input is no text in this locale's encoding.\n"


# ------------------------------------------------------------------------------------------------------- at a terminal


def test_at_a_terminal_it_asks_and_shows_no_password(shell: Shell) -> None:
    code, seen = shell.at_a_terminal("login", answers={"Email: ": f"{EMAIL}\n", "Password: ": f"{PASSWORD}\n"})
    assert code == 0, seen
    assert f"Signed in as {EMAIL}." in seen
    assert PASSWORD not in seen
    again = shell.at_a_terminal("login", answers={f"Email [{EMAIL}]: ": "\n", "Password: ": f"{PASSWORD}\n"})
    assert again[0] == 0, again[1]


def test_a_new_password_is_asked_for_twice(shell: Shell) -> None:
    answers = {"Password: ": f"{PASSWORD}\n", "Once more: ": "another one\n"}
    code, seen = shell.at_a_terminal("register", "new@example.com", answers=answers)
    assert code == 2
    assert "The two passwords differ; nothing was sent." in seen
    assert shell.run("login", "new@example.com", typed=PASSWORD).code == 1


def test_ctrl_c_at_the_prompt_is_clean(shell: Shell) -> None:
    code, seen = shell.at_a_terminal("login", EMAIL, answers={"Password: ": "\x03"})
    assert code == 130
    assert "Traceback" not in seen


def test_a_narrow_terminal_cuts_nothing(signed_in: Shell) -> None:
    code, seen = signed_in.export(COLUMNS="40").at_a_terminal("status", answers={})
    assert code == 0
    assert str(signed_in.tokens) in seen


# ---------------------------------------------------------------------------------------------- pipes and interruptions


def test_a_reader_that_has_gone_is_no_traceback(signed_in: Shell) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = signed_in.start("doctor", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (141, b"")


@contextmanager
def signing_in(shell: Shell) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `signedin login`, and hold it where the server has got the password and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        process = shell.start(
            "login", EMAIL, "--base-url", f"http://127.0.0.1:{silent.getsockname()[1]}/api/v1",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(f"{PASSWORD}\n".encode())
        process.stdin.flush()
        with closing(silent.accept()[0]) as connection:
            connection.settimeout(PATIENCE)
            assert connection.recv(65536).startswith(b"POST")
            yield process


def test_ctrl_c_while_the_server_is_silent_is_clean(shell: Shell) -> None:
    with signing_in(shell) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_closed_standard_streams_are_no_traceback(signed_in: Shell) -> None:
    assert signed_in.run_apart("/bin/sh", "-c", f'exec "{COMMAND}" status <&- >&- 2>&-').code == 0


# ---------------------------------------------------------------------------------------------------- status and doctor


def test_status_asks_no_server(signed_in: Shell, api: Backend) -> None:
    before = requests(api)
    result = signed_in.run("status", "--json")
    assert requests(api) == before
    assert (result.code, result.json["signed_in"]) == (0, True)
    assert result.json["expires_at"].startswith("20")
    assert 0 < result.json["next_planned_refresh_in"] < 300


def test_doctor_tells_of_server_store_and_plan(signed_in: Shell, api: Backend) -> None:
    result = signed_in.run("doctor", "--json")
    report = result.json
    assert (result.code, report["problems"]) == (0, [])
    assert (report["base_url"], report["server_failure"]) == (api.base_url, None)
    # The same machine's clock; a server under load renews its Date header late.
    assert abs(report["server_clock_ahead"]) < 30
    assert report["store_kind"] == "FileStore"
    assert report["store_permissions"] == f"-rw------- of uid {os.geteuid()}"
    assert report["store_folder_permissions"].startswith("drwx------")
    assert (report["status"], report["lock_holder"], report["unfinished_refresh_until"]) == ("active", None, None)
    assert abs(report["clock_offset"]) < 30  # the stored one: this process has learned nothing
    assert (report["last_failure"], report["last_failure_reason"]) == (None, None)
    assert "logger signedin" in report["failures_elsewhere"]
    assert 0 <= report["age"] < 60
    assert 0 < report["next_planned_refresh_in"] < 300


def test_doctor_sends_no_token(signed_in: Shell, api: Backend) -> None:
    before = httpx.get(f"{api.base_url}/__ledger__").json()
    signed_in.run("doctor")
    after = httpx.get(f"{api.base_url}/__ledger__").json()
    counted = ("profile_ok", "refreshes", "refused_refreshes", "expired_401", "refused_bearers")
    assert [after[name] for name in counted] == [before[name] for name in counted]


def test_doctor_names_the_holder_of_the_lock(signed_in: Shell, api: Backend) -> None:
    store = FileStore(signed_in.tokens)
    key = f"{api.base_url}#default"
    assert store.try_lock(key, "me", 30)
    assert signed_in.run("doctor", "--json").json["lock_holder"].startswith(f"process {os.getpid()} since ")
    store.unlock(key, "me")


def test_doctor_finds_a_file_that_others_can_read(signed_in: Shell) -> None:
    signed_in.tokens.chmod(0o644)
    result = signed_in.run("doctor")
    assert result.code == 1
    assert result.out.startswith("1. Every command fails.\n   Why: store: ")
    assert "can be read by others" in result.out.splitlines()[1]
    assert "store permissions: -rw-r--r--" in result.out


def test_doctor_finds_a_server_that_is_not_there(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
    result = shell.run("doctor", "--base-url", nowhere, "--json")
    assert result.code == 1
    assert [problem["symptom"] for problem in result.json["problems"]] == [
        "Calls fail: not signed in.", "No call gets an answer.",
    ]  # fmt: skip
    assert result.json["problems"][1]["cause"].startswith("server: ConnectError")


@pytest.mark.parametrize(
    ("date", "ahead"),
    [("Thu, 01 Jan 2099 00:00:00 GMT", pytest.approx(2e9, rel=0.5)), ("yesterday", None), (None, None)],
)
def test_doctor_measures_the_servers_clock(shell: Shell, date: str | None, ahead: Any) -> None:
    with answering(f"Date: {date}\r\n" if date else "") as base_url:
        assert shell.run("doctor", "--base-url", base_url, "--json").json["server_clock_ahead"] == ahead


def test_words_of_a_server_steer_no_terminal(shell: Shell) -> None:
    body = json.dumps({"message": "\x1b[2Jgone\nsignedin: all is well", "stack": ""})
    with answering("Content-Type: application/json\r\n", status="403 Forbidden", body=body) as base_url:
        result = shell.run("login", EMAIL, "--base-url", base_url, typed=PASSWORD)
    assert result.code == 1
    assert "\x1b" not in result.err
    assert result.err.count("\n") == 1


class answering:  # noqa: N801 -- used as a function
    """A server on loopback that says the same to everybody."""

    def __init__(self, headers: str, *, status: str = "404 Not Found", body: str = "{}") -> None:
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self._answer = (head + body).encode()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listening.accept()[0]
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE)
                connection.recv(65536)
                connection.sendall(self._answer)


def test_the_commands_of_the_page_work(api: Backend, shell: Shell) -> None:
    page = (Path(__file__).parents[2] / "docs/command.md").read_text()
    block = page.partition("```sh\n")[2].partition("```")[0]
    script = "set -e\ncurl() { test ${#2} -gt 99; }\n" + block.replace("http://localhost:5000/api/v1", api.base_url)
    reader = shell.export(PATH=f"{COMMAND.parent}:{os.environ['PATH']}")
    done = reader.run_apart("/bin/sh", "-c", script.replace(EMAIL, "page@example.com"), typed=PASSWORD)
    assert done.code == 0, done.err
    assert done.out.count("Signed in as page@example.com.") == 2
