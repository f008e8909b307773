"""Whatever goes wrong around the command: one line on standard error and an exit code, never a traceback."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from signedin import ConfigurationError, RefreshUnavailableError, SignedInError, SignInRequiredError
from signedin.cli import commands, main

from tests.cli.running import COMMAND, EMAIL, Result, Shell


def in_sh(shell: Shell, script: str) -> Result:
    """Run a script of the shell with the command as `$0`."""
    return shell.run_apart("/bin/sh", "-c", script, COMMAND)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SignInRequiredError("Sign in."), 3, "Sign in. Run: signedin login"),
        (RefreshUnavailableError("Later.", retry_after=timedelta(seconds=2)), 4, "Later."),
        (ConfigurationError("Use RedisStore."), 2, "Use --store redis://host:6379/0."),
        (SignedInError("Broken."), 1, "Broken."),
        (ZeroDivisionError("s3cr3t"), 1, "unexpected went wrong: ZeroDivisionError in tests.cli.test_trouble, line"),
        (FileNotFoundError(2, "s3cr3t", "/s3cr3t"), 1, "FileNotFoundError"),
        (RecursionError("s3cr3t"), 1, "RecursionError"),
    ],
)
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_every_exception_is_one_line_and_a_code(
    error: Exception,
    code: int,
    words: str,
    as_json: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "run", run)
    assert main(["status", *as_json]) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert "s3cr3t" not in err


def test_a_second_ctrl_c_while_python_ends_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", run)
    handler = signal.getsignal(signal.SIGINT)
    try:
        assert main(["status"]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, handler)


def test_letters_that_standard_output_cannot_encode_are_escaped(alone: Shell, tmp_path: Path) -> None:
    home = tmp_path / "hömé"
    home.mkdir()
    shell = Shell(home, {**alone.exported, "PYTHONIOENCODING": "ascii"})
    status = shell.run_apart(COMMAND, "status", "--profile", "αδα")
    assert (status.code, status.err) == (3, "")
    assert "profile: \\u03b1\\u03b4\\u03b1" in status.out.splitlines()
    failure = shell.run_apart(COMMAND, "status", "--store", f"file:{home}")
    assert failure.err.count("\n") == 1
    assert "h\\xf6m\\xe9" in failure.err


@pytest.mark.parametrize("arguments", ["status", "--help"])
def test_a_full_standard_output_is_one_line_that_says_that_it_was_done(alone: Shell, arguments: str) -> None:
    result = in_sh(alone, f'exec "$0" {arguments} >/dev/full')
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "Done, but the answer cannot be written: No space left on device." in result.err


def test_a_full_or_closed_standard_error_changes_neither_the_code_nor_the_answer(alone: Shell) -> None:
    assert in_sh(alone, 'exec "$0" status --nonsense 2>/dev/full') == Result(2, "", "")
    assert in_sh(alone, 'exec "$0" status --nonsense 2>&-') == Result(2, "", "")


def test_ctrl_d_at_the_prompt_is_one_line(alone: Shell) -> None:
    code, seen = alone.at_a_terminal("login", EMAIL, answers={"Password: ": "\x04"})
    assert code == 2
    assert "signedin: No password was typed; nothing was sent." in seen
    assert "Traceback" not in seen


@pytest.mark.parametrize("module", ["raise ImportError('no keyring here')\n", None], ids=["no package", "no backend"])
def test_a_missing_keyring_is_one_line(alone: Shell, tmp_path: Path, module: str | None) -> None:
    if module:
        (tmp_path / "keyring.py").write_text(module)
    shell = alone.export(PYTHONPATH=str(tmp_path), PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    status = shell.run_apart(COMMAND, "status", "--store", "keyring:")
    assert status.code in {1, 2}
    assert (status.out, status.err.count("\n")) == ("", 1)
    assert "keyring" in status.err.lower()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("HTTPS_PROXY", "socks4://user:s3cr3t@127.0.0.1:1"),
        ("SIGNEDIN_BASE_URL", "https://exa mple.com"),
        ("SIGNEDIN_STORE", "file:~nobody-of-this-name/tokens.json"),
    ],
)
def test_an_environment_that_cannot_work_is_one_line(alone: Shell, variable: str, value: str) -> None:
    shell = alone.export(SIGNEDIN_BASE_URL="https://127.0.0.1:9").export(**{variable: value})
    status = shell.run("status")
    assert status.code in {1, 2, 3}  # some of it harms only who connects
    assert status.err.count("\n") == (status.code != 3)
    assert "Traceback" not in status.err
    assert "s3cr3t" not in status.err
