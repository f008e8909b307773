"""What the run ends with: both sides' counts beside each other, what they mean, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from examples.demo.counts import Counts, disagreements
from examples.demo.scenario import STOPPED
from examples.demo.wire import count

if TYPE_CHECKING:
    from pathlib import Path

    from examples.demo.run import Run

_ROWS = (
    ("profiles", "profiles read"),
    ("expiries", "expiries"),
    ("refreshes", "refreshes"),
    ("reused", "reused tokens"),
    ("wasted", "wasted round trips"),
    ("errors", "errors"),
)


def report(run: Run, backend: Counts | None, picture: Path, out: TextIO) -> int:
    """Print the result; return 0 if everything was as promised."""
    client = run.counts()
    lines = ["", *_table(client, backend), "", *_meaning(run, client, backend), "", f"timeline: {picture}"]
    wrong = client.complaints() + (backend.complaints() + disagreements(client, backend) if backend else [])
    verdict = [f"NOT as promised: {'; '.join(wrong)}."] if wrong else ["As promised: one refresh for each expiry."]
    print("\n".join([*lines, *verdict]), file=out, flush=True)
    return 1 if wrong else 0


def _table(client: Counts, backend: Counts | None) -> list[str]:
    head = f"{'':22}{'client':>8}" + (f"{'backend':>10}" if backend else "")
    lines = [head]
    for name, title in _ROWS:
        row = f"{title:22}{_cell(client, name):>8}"
        lines.append(row + (f"{_cell(backend, name):>10}" if backend else ""))
    return lines


def _cell(counts: Counts, name: str) -> str:
    value = getattr(counts, name)
    return "-" if value is None else str(value)


def _meaning(run: Run, client: Counts, backend: Counts | None) -> list[str]:
    refused = count([span for span in run.recorder.spans if span.stage == STOPPED], "refused")
    learned = 1 if refused else 0
    lines = [
        "An expiry is an access token that was used up: expired, or in the last fifth of its life, when replaced.",
        f"{client.expiries - learned} of them the client's clock foresaw: it refreshed before anything was sent.",
    ]
    if refused:
        lines.append("1 it could not foresee, because its clock stood still as on a suspended laptop: it got 401")
        lines.append(
            f"TokenExpiredError to {refused} requests, the wasted round trips; one refresh, and each was sent again."
        )
    if client.wasted > refused:
        lines.append(
            f"{client.wasted - refused} more: the token expired while the request was on its way; sent again too."
        )
    if run.clock.forwarded:
        lines.append("The expiries were not waited for: the client's clock was moved, the server's tokens were alive.")
    if backend is None:
        lines.append(
            "This backend keeps no ledger: the counts are the client's own. Reused tokens show at a server only."
        )
    return lines
