"""One seeded run: tasks that call, cancel, time out, sign out and sign in, on a server with faults, in virtual time.

`python -m tests.seeded --seed N` repeats one run; `make seeds` runs ten thousand.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from signedin import (
    APIError,
    AsyncClient,
    AuthError,
    NotSignedInError,
    RefreshUnavailableError,
    SessionExpiredError,
    UnauthorizedError,
)
from signedin.testing import FakeAuthServer

from tests.seeded.lockstep import Baton, SteppedRefresher, SteppedStore

_FAULTS = ("connect error", "read timeout", "lost reset", "lost 502", "500", "503", "busy 503", "half json", "html")
_EXPECTED = (NotSignedInError, SessionExpiredError, RefreshUnavailableError, UnauthorizedError)


@dataclass
class Run:
    """What one seed made happen."""

    seed: int
    chance: random.Random = field(init=False)
    server: FakeAuthServer = field(init=False)
    baton: Baton = field(init=False, default_factory=Baton)
    outcomes: Counter[str] = field(init=False, default_factory=Counter)
    trouble: list[str] = field(init=False, default_factory=list)
    cancelled: int = 0
    signed_out: bool = False
    ended: bool = False  # somebody signed out or the session was ended at the server

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.server = FakeAuthServer(access_ttl=20)
        self.server.add_user("ada@example.com")
        self.server.add_user("bob@example.com")

    def go(self) -> Run:
        """Run to the end, and demand what must hold after any run."""
        asyncio.run(asyncio.wait_for(self._main(), timeout=60))
        return self

    async def _main(self) -> None:
        client = AsyncClient(
            self.server.base_url,
            transport=self.server.transport,
            clock=self.server.clock,
            store=SteppedStore(self.baton),
        )
        session, renewal = client.session, client.session._renewal
        renewal.refresher = SteppedRefresher(renewal.refresher, self.baton)  # type: ignore[misc]
        start = renewal.threads.start
        renewal.threads.start = lambda job: start(self.baton.wrap(job))  # type: ignore[method-assign]
        renewal.threads.call = lambda job: job()  # type: ignore[method-assign]  # no signals here
        session.sign_in(self.server.issue())
        callers = [asyncio.create_task(self._caller(client)) for _ in range(self.chance.randint(2, 6))]
        others = [asyncio.create_task(self._trouble(client)), asyncio.create_task(self._weather())]
        while not all(task.done() for task in (*callers, *others)):
            await self._turn(callers)
        while self.baton.parked:
            await self._turn([])
        for task in (*callers, *others):
            if not task.cancelled():
                task.result()
        self._judge(client)
        client.session.close()
        await client.http.aclose()

    async def _turn(self, callers: list[asyncio.Task[None]]) -> None:
        """Move one thread one step, or the event loop one round, or cancel somebody."""
        roll = self.chance.random()
        if self.baton.parked and roll < 0.5:
            self.baton.step(self.chance.randrange(len(self.baton.parked)))
        elif callers and roll > 0.98:
            self.cancelled += self.chance.choice(callers).cancel()
        await asyncio.sleep(0)

    async def _caller(self, client: AsyncClient) -> None:
        for _ in range(self.chance.randint(1, 4)):
            for _ in range(self.chance.randint(0, 5)):
                await asyncio.sleep(0)
            try:
                profile = await client.users.get_profile()
                self.outcomes[profile.email] += 1
            except _EXPECTED as error:
                self.outcomes[type(error).__name__] += 1
            except (AuthError, APIError) as error:
                self.trouble.append(f"unexpected {type(error).__name__}: {error}")

    async def _weather(self) -> None:
        """Let tokens expire, clocks jump and refreshes fail."""
        for _ in range(self.chance.randint(1, 6)):
            match self.chance.randrange(5):
                case 0:
                    self.server.expire_access_tokens()
                case 1:
                    self.server.clock.advance(self.chance.choice((1.0, 15.0, 17.0, 25.0)))
                case 2:
                    self.server.fail("refreshToken", self.chance.choice(_FAULTS))
                case 3:
                    self.server.clock.jump(self.chance.choice((-700.0, 700.0)))
                case _:
                    self.server.skew += self.chance.choice((-3.0, 0.0, 3.0))
            for _ in range(self.chance.randint(0, 8)):
                await asyncio.sleep(0)

    async def _trouble(self, client: AsyncClient) -> None:
        """Now and then, sign out, or in as another, or end the session at the server."""
        for _ in range(self.chance.randint(0, 20)):
            await asyncio.sleep(0)
        match self.chance.randrange(6):
            case 0:
                self.ended = True
                await client.logout()
                self.signed_out = True
            case 1:
                await client.session.asign_in(self.server.issue("bob@example.com"))
            case 2:
                self.ended = True
                self.server.revoke_all()

    def _judge(self, client: AsyncClient) -> None:
        if client.session._renewal._flight is not None:
            self.trouble.append("I5: a flight is left behind")
        if self.server.ledger["families revoked"]:
            self.trouble.append("I11: a family was revoked for reuse")
        if self.outcomes["SessionExpiredError"] and not self.ended:
            self.trouble.append("I12: the session died though the server never ended it")
        if self.signed_out and client.session._renewal.held is not None:
            self.trouble.append("I8: a pair is in hand after the sign-out")
        if self.server.ledger["reused"] != self.server.ledger["grace"]:
            self.trouble.append("I2: a spent token came again outside of the grace")
