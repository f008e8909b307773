"""The package index: what it holds, and the upload file by file.

Credentials come from the environment or the keyring, never from argv. Whatever ends an upload, the index says what it
has; the same command goes on from there.
"""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterator
from contextlib import suppress
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

import httpx
import keyring
from attrs import define, field

from generator.errors import GeneratorError
from generator.package.upstream import digest
from generator.release.distribution import run

USERNAME: Final = "SIGNEDIN_INDEX_USERNAME"
PASSWORD: Final = "SIGNEDIN_INDEX_PASSWORD"  # noqa: S105  (the variable's name)
_SECONDS: Final = 300
_HTML: Final = {"Accept": "application/vnd.pypi.simple.v1+html, text/html;q=0.9"}


class OwnOrigin(httpx.BasicAuth):
    """Credentials for one origin: an index may link to files elsewhere, or send the reader there.

    httpx takes them off a request that is redirected to another origin; this keeps them off the first one.
    """

    def __init__(self, address: str, username: str, password: str) -> None:
        super().__init__(username, password)
        self._own = _origin(httpx.URL(address))

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Put them on where they belong."""
        if _origin(request.url) == self._own:
            yield from super().auth_flow(request)
        else:
            yield request


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


@define(frozen=True)
class Index:
    """An index; `simple` is what installers read, `upload` what takes files, `source` where the password is stored."""

    simple: str
    upload: str
    username: str
    password: str = field(repr=False)
    source: str = PASSWORD

    @property
    def address(self) -> str:
        """Return the address with the credentials in it, for the environment of an installer."""
        parts = urlsplit(self.simple)
        secret = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc}"))

    def hashes(self, project: str, names: Collection[str]) -> dict[str, str]:
        """Return those of the named files that it has, with their SHA-256.

        Raises:
            GeneratorError: The index cannot be reached, or refuses the credentials.
        """
        own = OwnOrigin(self.simple, self.username, self.password)
        with httpx.Client(auth=own, timeout=30, follow_redirects=True, headers=_HTML) as client:
            page = _got(client, urljoin(self.simple.rstrip("/") + "/", f"{project}/"))
            if page is None:
                return {}
            links = _links(page)
            return {name: _hash(client, links[name]) for name in names if name in links}


def index_at(simple: str, upload: str | None) -> Index:
    """Return the index with its credentials.

    Raises:
        GeneratorError: The address is none, holds a password, or there are no credentials for it.
    """
    if urlsplit(simple).scheme not in {"http", "https"} or "@" in urlsplit(simple).netloc:
        raise GeneratorError(
            "The index is an http(s) URL without a user and a password in it: argv is for all to read."
        )
    username = os.environ.get(USERNAME, "")
    secret = os.environ.get(PASSWORD)
    password = secret or (keyring.get_password(simple, username) if username else None)
    if not username or not password:
        raise GeneratorError(
            f"No credentials for {simple}: set {USERNAME} and {PASSWORD}, or keep the password with "
            f"`keyring set {simple} USERNAME`."
        )
    upload = upload or simple.rstrip("/").removesuffix("/simple") + "/"
    return Index(simple, upload, username, password, PASSWORD if secret else "the keyring")


def missing(index: Index, project: str, files: list[Path]) -> list[Path]:
    """Return the files that the index lacks, so that a half upload can be finished.

    Raises:
        GeneratorError: The version is there with other bytes: it is taken.
    """
    there = index.hashes(project, {each.name for each in files})
    for each in files:
        if each.name in there and there[each.name] != digest(each.read_bytes()):
            raise GeneratorError(
                f"{each.name} is on the index already, with other bytes: the version is taken. "
                "Nothing was uploaded. Release the next version."
            )
    return [each for each in files if each.name not in there]


def _links(page: httpx.Response) -> dict[str, SplitResult]:
    """Return the links of a page by the names of their files; what is no address is none."""
    links = {}
    for href in re.findall(r"""href\s*=\s*["']([^"']+)["']""", page.text):
        with suppress(ValueError):
            link = urlsplit(urljoin(str(page.url), unescape(href)))
            links[unquote(link.path.rpartition("/")[2])] = link
    return links


def _hash(client: httpx.Client, link: SplitResult) -> str:
    if match := re.fullmatch(r"sha256=([0-9a-f]{64})", link.fragment.lower()):
        return match[1]
    address = link._replace(fragment="").geturl()
    file = _got(client, address)
    if file is None:
        raise GeneratorError(f"The index lists {address} and has no such file; nothing was uploaded.")
    return digest(file.content)


def _got(client: httpx.Client, url: str) -> httpx.Response | None:
    try:
        answer = client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GeneratorError(
            f"{url} cannot be read: {str(error) or type(error).__name__}. Nothing was uploaded."
        ) from error
    if answer.status_code in {401, 403}:
        what = "the credentials" if "authorization" in answer.request.headers else "a reader without credentials"
        raise GeneratorError(f"{answer.url} refuses {what} ({answer.status_code}). Nothing was uploaded.")
    if answer.status_code == 404:
        return None
    if not answer.is_success:
        raise GeneratorError(f"{answer.url} answers {answer.status_code}. Nothing was uploaded.")
    return answer


def upload(index: Index, project: str, files: list[Path]) -> None:
    """Upload file by file; a file that is there by now, with the same bytes, is uploaded.

    Raises:
        GeneratorError: Says which files are up and which are not, and that the same command goes on from there.
    """
    for at, each in enumerate(files):
        if not (problem := _uploaded(index, each)) or (there := _there(index, project, each)) == digest(
            each.read_bytes()
        ):
            continue
        if there:
            problem = "the index has it by now, with other bytes: the version is taken. Release the next version."
        up = ", ".join(one.name for one in files[:at]) or "nothing"
        again = "The build gives the same bytes again, so the same command goes on where this one stopped."
        raise GeneratorError(f"{each.name} was refused: {problem}\nUploaded: {up}. {'' if there else again}".rstrip())


def _there(index: Index, project: str, file: Path) -> str | None:
    """Return the hash of what the index has: an answer may have been lost, or somebody been faster."""
    with suppress(GeneratorError):  # then the refusal is what there is to tell
        return index.hashes(project, {file.name}).get(file.name)
    return None


def _uploaded(index: Index, file: Path) -> str:
    """Return what went wrong, in words without the password; nothing when nothing did."""
    uv = Path(sysconfig.get_path("scripts")) / ("uv.exe" if sys.platform == "win32" else "uv")
    options = ["--no-config", "--trusted-publishing=never", "--publish-url", index.upload]
    # A token or another address that stands in the environment would go before ours.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("UV_PUBLISH_")}
    environ = {**clean, "UV_PUBLISH_USERNAME": index.username, "UV_PUBLISH_PASSWORD": index.password}
    try:
        done = run([str(uv), "publish", *options, str(file)], env=environ, seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} seconds"
    except OSError as error:
        return f"uv does not run: {error.strerror}. Install requirements/dev.txt."
    return (done.stderr or done.stdout).strip().replace(index.password, "***") if done.returncode else ""
