"""`make conformance`: run every client through every scenario and write docs/conformance.md.

`--row TEXT` and `--peer NAME` run a part, print it, and write nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.conformance.cell import run
from benchmarks.conformance.more_scenarios import ROWS
from benchmarks.conformance.page import MARKS, Table, page
from benchmarks.conformance.peers import everybody

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def main() -> int:
    """Run, print as it goes, and write the page when everything was run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conformance", description=__doc__)
    parser.add_argument("--row", default="", help="only rows whose title contains this")
    parser.add_argument("--peer", default="", help="only this client")
    chosen = parser.parse_args()
    peers = [peer for peer in everybody() if chosen.peer in {"", peer.name}]
    table: Table = {}
    for title in (title for title in ROWS if chosen.row.lower() in title.lower()):
        table[title] = {peer.name: run(peer, title) for peer in peers}
        print(title)
        for name, verdict in table[title].items():
            print(f"  {MARKS[verdict.passed]} {name:24} {verdict.figure}", flush=True)
    if not chosen.row and not chosen.peer:
        PAGE.write_text(page(table, peers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
