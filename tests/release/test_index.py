"""A private index with a password, and a public one with an attacker: locks, uploads, credentials."""

import re
from pathlib import Path

import keyring
import pytest

from generator.errors import GeneratorError
from generator.release import index as release_index
from generator.release.index import Index, missing, upload
from tests.release.indexes import SECRET, USER, Consumer, Served, wheel

EXAMPLE = "https://packages.example/signedin/"
TOOLS = ("pip", "uv")


def ours(served: Served, password: str = SECRET) -> Index:
    return Index(served.simple, f"{served.root}/", USER, password)


@pytest.mark.parametrize("tool", TOOLS)
def test_lock_with_hashes_refuses_the_attackers_file_of_our_version(
    tool: str, published: Served, public: Served, consumer: Consumer
) -> None:
    consumer.knows_the_password()
    wheel(public.folder, "signedin", "1.0", "print('attacker')")
    name = "signedin-1.0-py3-none-any.whl"
    locked = ours(published).hashes("signedin", {name})[name]
    lock = consumer.folder / "requirements.txt"
    lock.write_text(f"signedin==1.0 --hash=sha256:{locked}\n")
    strict = ["--require-hashes", "--no-deps", "-r", str(lock)]
    done = consumer.install(tool, "--index-url", public.simple, *strict)
    assert done.returncode != 0
    assert "hash" in (done.stderr + done.stdout).lower()
    done = consumer.install(tool, "--index-url", published.simple, *strict)
    assert done.returncode == 0, done.stderr


# Both tools are to look everywhere, which the documented command does not.
EVERYWHERE = {"pip": [], "uv": ["--index-strategy", "unsafe-best-match"]}


@pytest.mark.parametrize("tool", TOOLS)
def test_our_own_lock_takes_nothing_of_an_attacker(
    tool: str, our_lock: Path, wheelhouse: Path, private: Served, public: Served, consumer: Consumer
) -> None:
    consumer.knows_the_password()
    pins = re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\]+)", our_lock.read_text("utf-8"))
    for name, version in pins:  # the locked version with other bytes, and a higher one
        module = name.replace("-", "_")
        wheel(public.folder, module, version, "print('attacker')")
        wheel(public.folder, module, "99.0", "print('attacker')")
    strict = ["--require-hashes", "-r", str(our_lock)]
    done = consumer.install(tool, "--index-url", public.simple, *strict)
    assert done.returncode != 0
    assert "hash" in (done.stderr + done.stdout).lower()
    for path in wheelhouse.glob("*.whl"):
        (private.folder / path.name).write_bytes(path.read_bytes())
    both = ["--index-url", public.simple, "--extra-index-url", private.simple, *EVERYWHERE[tool]]
    done = consumer.install(tool, *both, *strict)
    assert done.returncode == 0, done.stderr
    done = consumer.run(consumer.python, "-c", "import httpx, attrs, dateutil, idna; print(httpx.__version__)")
    assert done.stdout.strip() == dict(pins)["httpx"], done.stderr


def test_taken_version_is_refused_before_anything_is_uploaded(published: Served, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = wheel(tmp_path / "other", "signedin", "1.0", "print('other')")
    with pytest.raises(GeneratorError, match="version is taken"):
        missing(ours(published), "signedin", [other])
    with pytest.raises(GeneratorError, match=r"was refused.*other bytes.*Release the next(?s:.*)Uploaded: nothing\.$"):
        upload(ours(published), "signedin", [other])  # as when somebody was faster since


def test_half_upload_is_reported_and_finished_by_the_same_command(
    private: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [wheel(tmp_path, "signedin", "1.0"), wheel(tmp_path, "signedin", "1.1")]
    uploaded = release_index._uploaded

    def cut(index: Index, file: Path) -> str:
        return "connection lost" if file is files[1] else uploaded(index, file)

    monkeypatch.setattr(release_index, "_uploaded", cut)
    with pytest.raises(GeneratorError, match=r"1\.1.*refused(?s:.*)Uploaded: signedin-1\.0.*goes on"):
        upload(ours(private), "signedin", files)
    monkeypatch.undo()
    lacking = missing(ours(private), "signedin", files)
    assert lacking == [files[1]]
    upload(ours(private), "signedin", lacking)
    assert missing(ours(private), "signedin", files) == []


def test_wrong_password_is_reported_and_never_shown(private: Served, tmp_path: Path) -> None:
    wrong = ours(private, "wrong-password")
    with pytest.raises(GeneratorError, match="refuses the credentials") as refused:
        missing(wrong, "signedin", [])
    with pytest.raises(GeneratorError, match="was refused") as failed:
        upload(wrong, "signedin", [wheel(tmp_path, "signedin", "1.0")])
    assert not list(private.folder.iterdir())
    assert "wrong-password" not in f"{refused.value}{failed.value}{wrong!r}"


def test_credentials_come_from_the_environment_or_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(release_index.PASSWORD, raising=False)
    monkeypatch.setenv(release_index.USERNAME, USER)
    monkeypatch.setattr(keyring, "get_password", lambda url, user: f"stored for {user} at {url}")
    assert release_index.index_at(EXAMPLE, None).password == f"stored for {USER} at {EXAMPLE}"
    monkeypatch.setenv(release_index.PASSWORD, SECRET)
    assert release_index.index_at(EXAMPLE, None).password == SECRET
    with pytest.raises(GeneratorError, match="argv"):
        release_index.index_at("https://team:secret@packages.example/signedin/", None)
