"""The rows: expiry, trouble with the refresh, and time. `more_scenarios` has origins, bodies, users and processes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from benchmarks.conformance.stage import CROWD, Stage, Verdict, calls, finished, kept_and_well

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.conformance.site import Spoiling

    Scenario = Callable[[Stage], Awaitable[Verdict]]

ROWS: Final[dict[str, Scenario]] = {}


def row(title: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario under the sentence that stands in the table."""

    def register(scenario: Scenario) -> Scenario:
        ROWS[title] = scenario
        return scenario

    return register


# ------------------------------------------------------------------------------------------------------------ expiry


@row("50 calls at once with an expired token: one refresh")
async def burst(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        outcome = await calls(peer.profile, 50)
        passed = outcome.ok == 50 and site.refreshes == 1 and not site.seen["password logins"]
        logins = f", {site.seen['password logins']} password logins" if site.seen["password logins"] else ""
        return Verdict(passed, f"{outcome}, refreshes {site.refreshes}{logins}")


@row("2,000 calls at once with an expired token: all are served, one refresh")
async def crowd(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        outcome = await calls(peer.profile, 2000, CROWD)
        return Verdict(outcome.ok == 2000 and site.refreshes == 1, f"{outcome}, refreshes {site.refreshes}")


@row("8 at once with an expired token, strict server: nobody is signed out")
async def strict_burst(stage: Stage) -> Verdict:
    async with stage.open(expired=True, strict=True) as (site, peer):
        outcome = await calls(peer.profile, 8)
        revoked = site.fake.ledger["families revoked"]
        passed = outcome.ok == 8 and not revoked and not site.seen["password logins"]
        logins = f", {site.seen['password logins']} password logins" if site.seen["password logins"] else ""
        return Verdict(passed, f"{outcome}, refreshes {site.refreshes}, {revoked} sessions revoked{logins}")


@row("The server lets a token expire before its `exp`, 20 calls at once")
async def early(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        site.fake.expire_access_tokens()
        outcome = await calls(peer.profile, 20)
        return Verdict(outcome.ok == 20 and site.refreshes == 1, f"{outcome}, refreshes {site.refreshes}")


@row("15 refusals straggle in after the refresh: no second refresh")
async def late(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        site.fake.expire_access_tokens()
        site.delays |= {f"late{number}": 0.2 + 0.06 * number for number in range(15)}
        urls = [f"{site.base_url}/late{number}" for number in range(15)]
        tasks = [asyncio.ensure_future(peer.send("GET", url)) for url in [*urls, f"{site.base_url}/users/profile"]]
        outcome = await finished(tasks)
        return Verdict(outcome.ok == 16 and site.refreshes == 1, f"{outcome}, refreshes {site.refreshes}")


@row("1,000 calls in a row over lifetimes of 2 s: one refresh each")
async def sequence(stage: Stage) -> Verdict:
    async with stage.open(ttl=2) as (site, peer):
        begun, ok, made = time.monotonic(), 0, 0
        while made < 1000 and time.monotonic() < begun + 15:
            outcome = await calls(peer.profile)
            made, ok = made + 1, ok + outcome.ok
            if outcome.hung:
                break
            await asyncio.sleep(max(0.0, begun + made * 0.005 - time.monotonic()))
        # `iat` and `exp` are whole seconds, so such a token lives for 1 to 2 s.
        expiries = (time.monotonic() - begun) / 1.0 + 1
        slow = "" if made == 1000 else " (in 15 s)"
        return Verdict(
            ok == made and site.refreshes <= expiries, f"{ok} of {made} ok{slow}, refreshes {site.refreshes}"
        )


@row("A slow call is under way: a fast one does not wait for it")
async def slow(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        await calls(peer.profile)
        gate = site.fake.hold("echo")
        slow_one = asyncio.ensure_future(peer.send("GET", f"{site.base_url}/slow"))
        await asyncio.to_thread(gate.wait_for)
        outcome = await calls(peer.profile)
        first = outcome.ok == 1 and not slow_one.done()
        gate.release()
        both = await finished([slow_one])
        return Verdict(first and both.ok == 1, "the fast one first" if first else "the slow one first")


# --------------------------------------------------------------------------------------------- trouble with the refresh


@row("The refresh token is refused with 20 calls waiting: each ends, none tries again")
async def refused(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", *["401"] * 200)
        outcome = await calls(peer.profile, 20)
        # A library that has the password signs in anew; that is its way.
        tries = f"refreshes {site.refreshes}"
        return Verdict(outcome.hung == 0 and site.refreshes == 1, f"hung {outcome.hung} of 20, {tries}")


@row("The refresh is answered 500 once, with 20 calls waiting: the pair stays")
async def server_error(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "500", callers=20)


@row("The connection breaks before the refresh arrives: the pair stays")
async def reset(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "read error")


@row("The refresh is answered 502 by a page in HTML: the pair stays")
async def page(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "502 html")


@row("A portal answers the refresh 401 with a page of its own: the pair stays")
async def portal(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "401 html")


@row("The answer to the refresh gets lost, the server has a grace: still signed in")
async def lost(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "lost reset")


@row("The answer to the refresh never comes, the server has a grace: still signed in")
async def silent(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "lost read timeout")


@row("The answer to the refresh is cut in half: nothing of it is stored")
async def half(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "half json")


@row("The answer to the refresh is `null`: nothing of it is stored")
async def null(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "null")


@row("The answer to the refresh has other names for its tokens: nothing of it is stored")
async def undefined(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "undefined")


@row("The answer to the refresh has a number for a token: nothing of it is stored")
async def number(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "number for a token")


@row("The answer to the refresh is a token of 1 MB that never ends: nothing of it is stored")
async def huge(stage: Stage) -> Verdict:
    return await _passing_trouble(stage, "huge")


@row("The new token ends with a newline: it is in no error, and nothing is lost")
async def newline(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", "token with newline")
        outcome = await calls(peer.profile)
        shown = any(".eyJ" in f"{error!r} {error}" or "eyJ" in str(error.__cause__) for error in outcome.errors)
        well, figure = await kept_and_well(site, peer)
        return Verdict(well and not shown, f"{figure}{', token in the error' if shown else ''}")


@row("The answer to the refresh is compressed without need: it is taken")
async def compressed(stage: Stage) -> Verdict:
    return await _taken(stage, "gzip")


@row("The refresh is answered 201: it is taken")
async def created(stage: Stage) -> Verdict:
    return await _taken(stage, "created")


@row("The answer to the refresh drips in, four bytes a second: the call ends, still signed in")
async def dripping(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.on_the_way.append("drip")
        outcome = await calls(peer.profile)
        well, figure = await kept_and_well(site, peer)
        return Verdict(well and not outcome.hung, f"hung {outcome.hung} of 1, {figure}")


@row("A cache answers the refresh with the tokens of another user: nobody becomes that user")
async def mixed_up(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.on_the_way.append("another user")
        outcome = await calls(peer.profile)
        after = await calls(peer.profile)
        seen = b"".join(reply.body for reply in (*outcome.replies, *after.replies))
        who = "bob" if b"bob@" in seen else "ada" if b"ada@" in seen else "nobody"
        return Verdict(who == "ada" and not outcome.hung, f"is {who}")


@row("The refresh is answered 429, Retry-After 2 s, with 20 calls waiting: nobody asks again sooner")
async def busy(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", "busy 429")
        outcome = await calls(peer.profile, 20)
        well, figure = await kept_and_well(site, peer)
        sooner = sum(at - site.refreshed_at[0] < 2 for at in site.refreshed_at[1:])
        return Verdict(well and not sooner and not outcome.hung, f"{sooner} sooner, {outcome}, {figure}")


@row("The server restarts just when the refresh is due, with 20 calls waiting: the pair stays")
async def restarting(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        come_back = site.go_away()
        tasks = [asyncio.ensure_future(peer.profile()) for _ in range(20)]
        await asyncio.sleep(0.4)
        come_back()
        outcome = await finished(tasks)
        well, figure = await kept_and_well(site, peer)
        return Verdict(well and not outcome.hung, f"{outcome}, {figure}")


@row("The refresh is down for 3 s under 20 callers: as many attempts as one caller makes")
async def outage(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", *["500"] * 20_000)
        end = time.monotonic() + 3

        async def caller() -> int:
            hung = 0
            while time.monotonic() < end and not hung:
                hung = (await calls(peer.profile)).hung
                await asyncio.sleep(0.05)
            return hung

        hung = sum(await asyncio.gather(*(caller() for _ in range(20))))
        site.fake._faults["refreshToken"].clear()  # noqa: SLF001 -- the outage is over
        attempts = site.refreshes
        well, figure = await kept_and_well(site, peer)
        return Verdict(well and attempts <= 10 and not hung, f"{attempts} attempts, hung {hung}, {figure}")


@row("The server calls every token expired: the call ends")
async def for_ever(stage: Stage) -> Verdict:
    async with stage.open() as (site, peer):
        outcome = await calls(lambda: peer.send("GET", f"{site.base_url}/always"), seconds=15)
        return Verdict(outcome.hung == 0 and site.refreshes <= 5, f"hung {outcome.hung}, refreshes {site.refreshes}")


@row("The refresh itself is answered `TokenExpiredError`: the call ends")
async def expired_refresh(stage: Stage) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", *["401 expired"] * 20_000)
        outcome = await calls(peer.profile, 3, seconds=15)
        return Verdict(
            outcome.hung == 0 and site.refreshes <= 2, f"hung {outcome.hung} of 3, refreshes {site.refreshes}"
        )


@row("A 401 that is not about expiry is the caller's: no refresh")
async def other(stage: Stage) -> Verdict:
    return await _passes_through(stage, "other", 401)


@row("A 403 is the caller's: no refresh")
async def forbidden(stage: Stage) -> Verdict:
    return await _passes_through(stage, "forbidden", 403)


# -------------------------------------------------------------------------------------------------------------- time


@row("The local clock is ten minutes fast: 20 calls, no needless refresh")
async def fast_clock(stage: Stage) -> Verdict:
    return await _skewed(stage, -600)


@row("The local clock is ten minutes slow: 20 calls, no needless refresh")
async def slow_clock(stage: Stage) -> Verdict:
    return await _skewed(stage, 600)


async def _skewed(stage: Stage, skew: float) -> Verdict:
    # The tokens live shorter than the clock is off. The first is spent, so that each client sees an answer's clock.
    async with stage.open(ttl=400, skew=skew, expired=True) as (site, peer):
        ok = sum([(await calls(peer.profile)).ok for _ in range(20)])
        return Verdict(ok == 20 and site.refreshes <= 1, f"{ok} of 20 ok, refreshes {site.refreshes}")


async def _passes_through(stage: Stage, path: str, status: int) -> Verdict:
    async with stage.open() as (site, peer):
        outcome = await calls(lambda: peer.send("GET", f"{site.base_url}/{path}"))
        got = [str(reply.status) for reply in outcome.replies] or [type(error).__name__ for error in outcome.errors]
        return Verdict(
            got == [str(status)] and not site.refreshes, f"{got[0] if got else 'hung'}, refreshes {site.refreshes}"
        )


async def _taken(stage: Stage, spoiling: Spoiling) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.on_the_way.extend([spoiling] * 20)  # not in passing: this is how the server is
        outcome = await calls(peer.profile, 5)
        return Verdict(outcome.ok == 5, f"{outcome}, refreshes {site.refreshes}")


async def _passing_trouble(stage: Stage, fault: str, *, callers: int = 1) -> Verdict:
    async with stage.open(expired=True) as (site, peer):
        site.fake.fail("refreshToken", fault)
        outcome = await calls(peer.profile, callers)
        well, figure = await kept_and_well(site, peer)
        hung = f"hung {outcome.hung} of {callers}, " if outcome.hung else ""
        return Verdict(well and not outcome.hung, f"{hung}{figure}")
