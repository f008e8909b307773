"""Runs one cell in a process of its own: whatever hangs, leaks threads or patches itself ends with it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import warnings
from typing import TYPE_CHECKING

from benchmarks.conformance.more_scenarios import ROWS
from benchmarks.conformance.stage import CELL, Stage, Verdict

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmarks.conformance.peers.peer import Peer


def run(peer: type[Peer], title: str) -> Verdict:
    """Return the verdict; a cell that does not end in time has failed."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_run, args=(peer, title, there))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(CELL) else Verdict(passed=False, figure=f"hung for {CELL:g} s")
    except EOFError:
        return Verdict(passed=False, figure="the process died")
    finally:
        process.kill()
        process.join(10)


def _run(peer: type[Peer], title: str, answer: Connection) -> None:
    warnings.simplefilter("ignore")
    try:
        verdict = asyncio.run(_quietly(peer, title))
    except Exception as error:  # noqa: BLE001 -- a scenario that breaks is a failed cell, with its reason
        verdict = Verdict(passed=False, figure=f"{type(error).__name__}: {error}"[:80])
    answer.send(verdict)
    os._exit(0)


async def _quietly(peer: type[Peer], title: str) -> Verdict:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    return await ROWS[title](Stage(peer))
