"""`make conformance`: run every client through every scenario and write docs/conformance.md.

`--row TEXT` and `--peer NAME` run a part and only print it: the page is of one run. `--check`
(`make conformance-check`) runs our own columns, which needs no peers, and fails where a cell does not pass or is not
what the page says.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.conformance.cell import run
from benchmarks.conformance.more_scenarios import ROWS
from benchmarks.conformance.page import MARKS, Table, differences, page
from benchmarks.conformance.peers import OURS, everybody

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.conformance.peers.peer import Peer

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print as it goes, and write the page when everything was run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conformance", description=__doc__)
    parser.add_argument("--row", default="", help="only rows whose title contains this")
    parser.add_argument("--peer", default="", help="only this client")
    parser.add_argument("--check", action="store_true", help="our own columns, against the page")
    chosen = parser.parse_args(arguments)
    everyone = OURS if chosen.check else everybody()
    peers = [peer for peer in everyone if chosen.peer in {"", peer.name}]
    table = _run(peers, chosen.row)
    if chosen.check:
        return _report(differences(table, PAGE.read_text()))
    if not (chosen.row or chosen.peer):
        PAGE.write_text(page(table, everyone))
    return 0


def _run(peers: Sequence[type[Peer]], part: str) -> Table:
    table: Table = {}
    for title in (title for title in ROWS if part.lower() in title.lower()):
        print(title, flush=True)
        table[title] = {}
        for peer in peers:
            verdict = table[title][peer.name] = run(peer, title)
            print(f"  {MARKS[verdict.passed]} {peer.name:24} {verdict.figure}", flush=True)
    return table


def _report(differences: list[str]) -> int:
    for line in differences:
        print(f"DIFFERS: {line}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
