"""The package index: what it holds, and the upload. Credentials come from environment or keyring, never argv."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import httpx
import keyring
from attrs import define, field

from generator.errors import GeneratorError
from generator.upstream import digest

USERNAME: Final = "SIGNEDIN_INDEX_USERNAME"
PASSWORD: Final = "SIGNEDIN_INDEX_PASSWORD"  # noqa: S105  (the variable's name)


@define(frozen=True)
class Index:
    """An index; `simple` is what installers read, `upload` what takes files."""

    simple: str
    upload: str
    username: str
    password: str = field(repr=False)

    @property
    def address(self) -> str:
        """Return the address with the credentials in it, for the environment of an installer."""
        parts = urlsplit(self.simple)
        secret = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc}"))

    def hashes(self, project: str) -> dict[str, str]:
        """Return the files of a project with their SHA-256.

        Raises:
            GeneratorError: The index cannot be reached, or refuses the credentials.
        """
        with httpx.Client(auth=(self.username, self.password), timeout=30) as client:
            page = _got(client, urljoin(self.simple.rstrip("/") + "/", f"{project}/"))
            if page is None:
                return {}
            links = re.findall(r"""href=["']([^"']+)["']""", page.text)
            return dict(self._hash(client, urljoin(str(page.url), link)) for link in links)

    @staticmethod
    def _hash(client: httpx.Client, link: str) -> tuple[str, str]:
        parts = urlsplit(link)
        name = unquote(parts.path.rpartition("/")[2])
        if said := re.fullmatch(r"sha256=([0-9a-f]{64})", parts.fragment):
            return name, said[1]
        file = _got(client, link)
        return name, digest(file.content) if file else ""


def found(simple: str, upload: str | None) -> Index:
    """Return the index with its credentials.

    Raises:
        GeneratorError: The address is none, holds a password, or there are no credentials for it.
    """
    if urlsplit(simple).scheme not in {"http", "https"} or "@" in urlsplit(simple).netloc:
        raise GeneratorError(
            "The index is an http(s) URL without a user and a password in it: argv is for all to read."
        )
    username = os.environ.get(USERNAME, "")
    password = os.environ.get(PASSWORD) or (keyring.get_password(simple, username) if username else None)
    if not username or not password:
        raise GeneratorError(
            f"No credentials for {simple}: set {USERNAME} and {PASSWORD}, or keep the password with "
            f"`keyring set {simple} USERNAME`."
        )
    return Index(simple, upload or simple.rstrip("/").removesuffix("/simple") + "/", username, password)


def missing(index: Index, project: str, files: list[Path]) -> list[Path]:
    """Return the files that the index lacks, so that a half upload can be finished.

    Raises:
        GeneratorError: The version is there with other bytes: it is taken.
    """
    there = index.hashes(project)
    for each in files:
        if each.name in there and there[each.name] != digest(each.read_bytes()):
            raise GeneratorError(
                f"{each.name} is on the index already, with other bytes: the version is taken. "
                "Nothing was uploaded. Release the next version."
            )
    return [each for each in files if each.name not in there]


def upload(index: Index, files: list[Path]) -> None:
    """Upload file by file.

    Raises:
        GeneratorError: Says which files are up and which are not, and that the same command goes on from there.
    """
    for at, each in enumerate(files):
        if told := _uploaded(index, each):
            up = ", ".join(one.name for one in files[:at]) or "nothing"
            raise GeneratorError(
                f"{each.name} was refused: {told}\nUploaded: {up}. The build gives the same bytes "
                "again, so the same command goes on where this one stopped."
            )


def _uploaded(index: Index, file: Path) -> str:
    uv = Path(sysconfig.get_path("scripts")) / ("uv.exe" if sys.platform == "win32" else "uv")
    secrets = {"UV_PUBLISH_USERNAME": index.username, "UV_PUBLISH_PASSWORD": index.password}
    command = [
        str(uv),
        "publish",
        "--no-config",
        "--trusted-publishing=never",
        "--publish-url",
        index.upload,
        str(file),
    ]
    done = subprocess.run(
        command, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=300, check=False
    )
    return (done.stderr or done.stdout).strip().replace(index.password, "***") if done.returncode else ""


def _got(client: httpx.Client, url: str) -> httpx.Response | None:
    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        raise GeneratorError(f"{url} cannot be reached: {error}") from error
    if answer.status_code in {401, 403}:
        raise GeneratorError(f"The index refuses the credentials ({answer.status_code}). Nothing was uploaded.")
    if answer.status_code == 404 or (answer.is_redirect and "simple" not in answer.headers["location"]):
        return None
    if not answer.is_success:
        raise GeneratorError(f"{url} answers {answer.status_code}.")
    return answer
