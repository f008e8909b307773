"""Writes docs/conformance.md from the verdicts of one run."""

from __future__ import annotations

import platform
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from benchmarks.conformance.stage import CELL, CROWD, PATIENCE, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.conformance.peers.peer import Peer

Table = dict[str, dict[str, Verdict]]  # title of the row → name of the client → verdict
MARKS: Final = {True: "✅", False: "❌", None: "·"}

_INTRODUCTION: Final = """\
# How do clients compare on the same faults?

Written by `make conformance` on {date}; do not edit. {rows} scenarios, one fault server, every cell a real run over
loopback in a process of its own. ✅ passed, ❌ failed, · does not apply; beside it what was counted.

What to know before comparing:

* Each client is used as its documentation shows, by an adapter of a few lines in `benchmarks/conformance/peers`. Those
  that speak OAuth 2.0 get a token endpoint with `expires_in`, so they need not trust the local clock; httpx_auth has
  the user's password and may use it, and a password login counts as a failure where the row is about staying signed in.
* authlib, google-auth and azure-core are good at what they were made for: long-lived sessions with well-behaved token
  endpoints. Rotating refresh tokens are not their subject, and a row that they fail may be outside their scope. Those
  that renew by the clock alone hand an early expiry to their callers, as a 401.
* The tutorial's class is a rewrite in Python of the usual axios class with `isRefreshing` and a queue of waiters.
* A call that has not ended after {patience:g} s counts as hung, 2,000 calls after {crowd:g} s, a cell after {cell:g} s
  as failed; blocking clients are called from 64 threads. "Works again": after the fault, a further call succeeded
  without anybody signing in; "strict server": it ends a session whose refresh token is presented twice; elsewhere it
  has a grace for a lost answer, for every client alike.
* The rows were chosen by the authors of signedin, who knew what theirs does. Rows that it fails stand here as well.
"""

_ENDING: Final = """\
## Made with

Python {python} on {system}; {versions}.

Repeat it with `make conformance`; the peers are pinned in `requirements/conformance.txt`. One row:
`make conformance ARGS='--row "local clock"'`. One client: `ARGS='--peer authlib'`.
"""


def page(table: Table, peers: Sequence[type[Peer]]) -> str:
    """Return the page in Markdown."""
    names = [peer.name for peer in peers]
    date = time.strftime("%Y-%m-%d", time.gmtime())
    lines = [
        _INTRODUCTION.format(date=date, rows=len(table), patience=PATIENCE, crowd=CROWD, cell=CELL),
        "| | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
        "| **passed of applicable** | " + " | ".join(_score(table, name) for name in names) + " |",
        *(_row(title, [cells[name] for name in names]) for title, cells in table.items()),
        "",
        _ending(peers),
    ]
    return "\n".join(lines)


def titles_on(text: str) -> dict[str, list[str]]:
    """Return the page's rows: each title with its cells, the marks included."""
    rows = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in rows if len(cells) > 1 and cells[0][:1] not in {"", "|", "*"}}


def differences(table: Table, text: str) -> list[str]:
    """Say where cells that were run now are not what the page says, or did not pass."""
    columns = _columns_of(text)
    rows = titles_on(text)
    differences = []
    for title, cells in table.items():
        for name, verdict in cells.items():
            written = rows[title][columns.index(name)] if title in rows and name in columns else "nothing"
            if verdict.passed is False or written[0] != MARKS[verdict.passed]:
                differences.append(
                    f"{title}, {name}: now {MARKS[verdict.passed]} {verdict.figure}; on the page {written}"
                )
    return differences


def _columns_of(text: str) -> list[str]:
    head = next(line for line in text.splitlines() if line.startswith("| | "))
    return head.removeprefix("| | ").removesuffix(" |").split(" | ")


def _row(title: str, verdicts: list[Verdict]) -> str:
    cells = [f"{MARKS[verdict.passed]} {verdict.figure.replace('|', '/')}" for verdict in verdicts]
    return f"| {title} | " + " | ".join(cells) + " |"


def _score(table: Table, name: str) -> str:
    verdicts = [cells[name].passed for cells in table.values()]
    return f"**{verdicts.count(True)}/{len(verdicts) - verdicts.count(None)}**"


def _ending(peers: Sequence[type[Peer]]) -> str:
    packages = sorted({package for peer in peers for package in peer.packages})
    versions = ", ".join(map(_version, packages))
    return _ENDING.format(python=platform.python_version(), system=platform.system(), versions=versions)


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
