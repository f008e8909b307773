"""The rows about origins, bodies, users, cancellation, threads, loops, processes and secrets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import multiprocessing
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from signedin import AsyncClient, Client, FileStore

from benchmarks.conformance.scenarios import ROWS, row
from benchmarks.conformance.site import Site
from benchmarks.conformance.stage import Stage, Verdict, calls, finished, kept_and_well, until, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from signedin import TokenPair

    from benchmarks.conformance.peers.peer import Peer

__all__ = ["ROWS"]  # with the rows of `scenarios`, which came first

_BODY: Final = b"0123456789" * 1000
_ENDLESS: Final = 15.0  # seconds after which a call that goes round in circles is cut off
_SETTLED: Final = 5.0  # seconds within which what happens after a call has happened


# ----------------------------------------------------------------------------------------------------------- origins


@row("An absolute URL of another origin: it gets no token")
async def elsewhere(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        await calls(peer.profile)
        await calls(lambda: peer.send("GET", site.foreign_url), seconds=_ENDLESS)
        tokens, requests = site.seen["foreign tokens"], site.seen["foreign requests"]
        return Verdict(tokens == 0 < requests, f"{tokens} tokens in {requests} requests")


@row("Another origin says `TokenExpiredError`: no refresh for it")
async def foreign_refusal(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        await calls(lambda: peer.send("GET", site.foreign_url), seconds=_ENDLESS)
        passed = site.refreshes == 0 < site.seen["foreign requests"]
        return Verdict(passed, f"refreshes {site.refreshes}")


@row("The refresh is redirected to another origin: the refresh token does not go there")
async def led_away(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", "redirect")
        await calls(peer.profile)
        bodies = site.seen["foreign bodies"]
        well, figure = await kept_and_well(site, peer)
        return Verdict(not bodies and well, f"{bodies} bodies, {figure}")


@row("A 307 to another origin, redirects followed: neither token nor body go there")
async def away(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        await calls(lambda: peer.send("POST", f"{site.base_url}/away", _BODY), seconds=_ENDLESS)
        tokens, bodies = site.seen["foreign tokens"], site.seen["foreign bodies"]
        return Verdict(tokens == bodies == 0, f"{tokens} tokens, {bodies} bodies")


# ------------------------------------------------------------------------------------------------------------ bodies


@row("A streamed body meets an expired token: it arrives whole, or an error says that it did not")
async def streamed(stage: Stage) -> Verdict:
    return await _uploaded(stage, lambda: (_BODY[start : start + 1000] for start in range(0, len(_BODY), 1000)))


@row("A streamed body is refused half-way through a lifetime: never accepted empty or cut")
async def streamed_late(stage: Stage) -> Verdict:
    return await _uploaded(
        stage, lambda: (_BODY[start : start + 1000] for start in range(0, len(_BODY), 1000)), early=True
    )


@row("A file's body is refused and sent again: whole")
async def rewound(stage: Stage) -> Verdict:
    return await _uploaded(stage, lambda: io.BytesIO(_BODY), early=True, must_arrive=True)


async def _uploaded(
    stage: Stage, body: Callable[[], Any], *, early: bool = False, must_arrive: bool = False
) -> Verdict:
    async with stage.open(expired=not early) as (site, peer):
        if early:
            site.fake.expire_access_tokens()
        content = body()
        if isinstance(content, io.BytesIO) and not stage.peer.blocking:
            # httpx's and httpx2's async clients refuse a plain file before they send anything.
            return Verdict(None, "async: no files")
        outcome = await calls(lambda: peer.send("POST", f"{site.base_url}/upload", content))
        spoilt = [len(got) for got in site.bodies if got != _BODY]
        whole = site.bodies.count(_BODY)
        result = (
            outcome.replies[0].status
            if outcome.replies
            else type(outcome.errors[0]).__name__
            if outcome.errors
            else "hung"
        )
        figure = f"accepted with {spoilt[0]} of {len(_BODY)} bytes" if spoilt else f"{whole} whole, {result}"
        return Verdict(not spoilt and outcome.hung == 0 and (whole == 1 or not must_arrive), figure)


# ------------------------------------------------------------------------------------------------------------- users


@row("Signing out during a refresh: stays signed out, and the new pair is revoked")
async def logout(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        gate = site.fake.hold("refreshToken")
        task = asyncio.ensure_future(peer.profile())
        await asyncio.to_thread(gate.wait_for)
        await within(peer.sign_out())
        gate.release()
        outcome = await finished([task])
        await until(lambda: not _live(site), _SETTLED)  # revoking is beside the call
        held, live = peer.refresh_token(), _live(site)
        figure = f"{'signed in again' if held else 'signed out'}, {live} live tokens at the server"
        return Verdict(not held and not live and not outcome.hung, figure)


@row("Signing in as another user during a refresh: stays that user")
async def switch(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        gate = site.fake.hold("refreshToken")
        task = asyncio.ensure_future(peer.profile())
        await asyncio.to_thread(gate.wait_for)
        await within(peer.sign_in(site.pair("bob@example.com")))
        gate.release()
        await finished([task])
        await asyncio.sleep(0.2)
        got = await calls(peer.profile)
        who = "bob" if got.replies and b"bob@" in got.replies[0].body else "ada" if got.ok else "nobody"
        return Verdict(who == "bob", f"is {who}")


@row("A call begun as one user is refused, another has signed in: not sent as the other")
async def confused(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        site.fake.expire_access_tokens()
        gate = site.fake.hold("echo")
        task = asyncio.ensure_future(peer.send("POST", f"{site.base_url}/order", b"of ada"))
        await asyncio.to_thread(gate.wait_for)
        await within(peer.sign_in(site.pair("bob@example.com")))
        gate.release()
        outcome = await finished([task])
        sent = site.bodies.count(b"of ada")
        return Verdict(not sent and not outcome.hung, f"{sent} sent as the other")


def _live(site: Site) -> int:
    return sum(site.fake.is_live(token) for token in list(site.fake._families))  # noqa: SLF001 -- what it knows


# ------------------------------------------------------------------------- cancellation, threads, loops and processes


@row("The first of 10 waiting tasks is cancelled while the server rotates: nothing is lost")
async def cancelled(stage: Stage) -> Verdict:
    if stage.peer.blocking:
        return Verdict(None, "threads are not cancelled")
    async with stage.open(expired=True, strict=True) as (site, peer):
        gate = site.fake.hold("refreshToken")
        leader = asyncio.ensure_future(peer.profile())
        await asyncio.to_thread(gate.wait_for)
        others = [asyncio.ensure_future(peer.profile()) for _ in range(9)]
        await asyncio.sleep(0.2)
        leader.cancel()
        await asyncio.sleep(0.1)
        gate.release()
        outcome = await finished(others)
        well, figure = await kept_and_well(site, peer)
        return Verdict(outcome.ok == 9 and well, f"{outcome}, {figure}")


@row("One session in three event loops at once: one refresh")
async def loops(stage: Stage) -> Verdict:
    if stage.peer.name != "signedin async":
        return Verdict(None, "no session apart from its client")
    with _site() as (site, pair):
        first = AsyncClient(site.base_url)
        first.session.sign_in(pair)
        got: list[int] = []

        async def three() -> None:
            async with AsyncClient(session=first.session) as client:
                profiles = await asyncio.gather(*(client.users.get_profile() for _ in range(5)))
                got.extend(1 for _ in profiles)

        threads = [threading.Thread(target=lambda: asyncio.run(three())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join, 60)
        await first.aclose()
        return Verdict(len(got) == 15 and site.refreshes == 1, f"{len(got)} of 15 ok, refreshes {site.refreshes}")


@row("Two processes with one pair, strict server: both stay signed in")
async def processes(stage: Stage) -> Verdict:
    with _site() as (site, pair), tempfile.TemporaryDirectory() as folder:
        if stage.peer.keeps_a_store:
            path = str(Path(folder) / "tokens.json")
            with Client(site.base_url, store=FileStore(path)) as client:
                client.session.sign_in(pair)
            context = multiprocessing.get_context("spawn")
            workers = [context.Process(target=_use_store, args=(site.base_url, path)) for _ in range(2)]
            for worker in workers:
                worker.start()
            for worker in workers:
                await asyncio.to_thread(worker.join, 60)
            ok = sum(worker.exitcode == 0 for worker in workers)
        else:
            # No store that processes share: each has the pair from where it was saved.
            peers: list[Peer] = [stage.peer(site, pair) for _ in range(2)]
            results = await asyncio.gather(*(calls(peer.profile) for peer in peers))
            results = await asyncio.gather(*(calls(peer.profile) for peer in peers))
            ok = sum(result.ok for result in results)
        revoked, logins = site.fake.ledger["families revoked"], site.seen["password logins"]
        return Verdict(
            ok == 2 and not revoked and not logins,
            f"{ok} of 2 work, refreshes {site.refreshes}, {revoked} sessions revoked",
        )


@row("A process is killed after the server rotated: the next one goes on, the server has a grace")
async def killed(stage: Stage) -> Verdict:
    if not stage.peer.keeps_a_store:
        return Verdict(None, "no store")
    with _site(strict=False) as (site, pair), tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "tokens.json")
        with Client(site.base_url, store=FileStore(path)) as client:
            client.session.sign_in(pair)
        site.fake.fail("refreshToken", "lost read timeout")
        worker = multiprocessing.get_context("spawn").Process(target=_use_store, args=(site.base_url, path))
        worker.start()
        await until(lambda: site.fake.ledger["rotations"] > 0, 60)
        worker.kill()
        await asyncio.to_thread(worker.join, 10)
        with Client(site.base_url, store=FileStore(path)) as client:
            email = (await asyncio.to_thread(client.users.get_profile)).email
        ledger = site.fake.ledger
        figure = f"goes on, {ledger['reused']} presented again, {ledger['families revoked']} sessions revoked"
        return Verdict(email == "ada@example.com" and not ledger["families revoked"], figure)


def _use_store(base_url: str, path: str) -> None:
    with Client(base_url, store=FileStore(path)) as client:
        client.users.get_profile()


@contextlib.contextmanager
def _site(*, strict: bool = True) -> Iterator[tuple[Site, TokenPair]]:
    with Site(strict=strict) as site:
        yield site, site.pair(expired=True)


# ----------------------------------------------------------------------------------------------------------- secrets


@row("No token in any repr of the client, nor in its log at DEBUG")
async def secrets(stage: Stage) -> Verdict:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    async with stage.open(expired=True) as (site, peer):
        await calls(peer.profile, 2)
        tokens = set(site.fake._families)  # noqa: SLF001 -- every refresh token ever issued
        texts = [repr(shown) for shown in peer.shown()]
        in_repr = sum("eyJ" in text or any(token in text for token in tokens) for text in texts)
        text = logged.getvalue()
        in_log = "eyJ" in text or any(token in text for token in tokens)
        logging.getLogger().removeHandler(handler)
        return Verdict(not in_repr and not in_log, f"{in_repr} reprs, log {'has them' if in_log else 'clean'}")


@row("Refreshing leaves nothing in `response.history`")
async def history(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (_, peer):
        http = _httpx_client(peer)
        if http is None:
            return Verdict(None, "not httpx")
        url = f"{peer.site.base_url}/users/profile"
        got = (
            await within(http.get(url))
            if isinstance(http, httpx.AsyncClient)
            else await asyncio.to_thread(http.get, url)
        )
        seen = [answer for answer in got.history if "refreshToken" in answer.text]
        return Verdict(not seen, f"{len(seen)} answers with the new pair")


def _httpx_client(peer: Peer) -> Any:
    http = getattr(peer, "http", None) or getattr(getattr(peer, "client", None), "http", None)
    return http if isinstance(http, httpx.Client | httpx.AsyncClient) else None
