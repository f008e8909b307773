"""The clients in the table. Each is a small adapter: how a careful user of that library would write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.conformance.peers.ours import AsyncSignedin, Signedin

if TYPE_CHECKING:
    from benchmarks.conformance.peers.peer import Peer

OURS: tuple[type[Peer], ...] = (Signedin, AsyncSignedin)


def everybody() -> tuple[type[Peer], ...]:
    """Return all columns of the table; needs the packages of the group `conformance`."""
    from benchmarks.conformance.peers.cloud import Azure, Google
    from benchmarks.conformance.peers.oauth import AsyncAuthlib, Authlib, HttpxAuth
    from benchmarks.conformance.peers.plain import Naive, Tutorial

    return (*OURS, Tutorial, Naive, Authlib, AsyncAuthlib, HttpxAuth, Google, Azure)
