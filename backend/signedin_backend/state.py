"""The parts of one running backend, and the threads that its database work runs in."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.requests import Request

from signedin_backend import engines, storage
from signedin_backend.journal import LOG, Journal
from signedin_backend.keys import Keys
from signedin_backend.limits import Limit
from signedin_backend.passwords import Passwords
from signedin_backend.sessions import Clock, Sessions
from signedin_backend.settings import Settings
from signedin_backend.shared_limits import Familiar, Local, Redis, Shared, Taking
from signedin_backend.storage import Storage, UnavailableError

T = TypeVar("T")
# Seconds between our clock and the database server's that are worth a warning: two hosts may differ by twice as much, a
# grace is ten seconds, and a token may be thirty seconds ahead.
_APART = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Built once per application; requests find it by `State.of`."""

    settings: Settings
    clock: Clock
    storage: Storage
    sessions: Sessions
    passwords: Passwords
    journal: Journal
    shared: Redis | None
    familiar: Familiar
    account_limit: Taking
    account_network_limit: Taking
    address_limit: Taking
    reads: anyio.CapacityLimiter
    writes: anyio.CapacityLimiter
    threads: anyio.CapacityLimiter

    @classmethod
    def build(cls, settings: Settings, keys: Keys, clock: Clock) -> "State":
        """Put the parts together; opens no connection."""
        store = Storage(settings)
        shared = Redis(settings.rate_store) if settings.rate_store else None

        def limit(name: str, rate: tuple[int, int]) -> Taking:
            return Local(Limit(rate)) if shared is None else Shared(shared, name, rate)

        # SQLite has one writer. Waiting for it here costs nothing; inside SQLite it is polling with sleeps.
        writers = 1 if settings.sqlite_file else settings.database_threads
        state = cls(
            settings=settings,
            clock=clock,
            storage=store,
            sessions=Sessions(store, settings, keys, clock),
            passwords=Passwords(settings),
            journal=Journal(settings),
            shared=shared,
            familiar=Familiar(shared),
            account_limit=limit("account", settings.account_rate),
            account_network_limit=limit("account_network", settings.account_network_rate),
            address_limit=limit("address", settings.address_rate),
            reads=anyio.CapacityLimiter(settings.database_threads),
            writes=anyio.CapacityLimiter(writers),
            # No limit of its own: whoever comes here has had a turn.
            threads=anyio.CapacityLimiter(math.inf),
        )
        state.watch()
        return state

    def watch(self) -> None:
        """Let metrics show what waits."""
        metrics = self.journal.metrics
        metrics.watch("hashes", "Password hashes that run or wait", lambda: self.passwords.under_way)
        for name, turns in (("reads", self.reads), ("writes", self.writes)):
            metrics.watch(
                f"database_{name}_waiting",
                f"Requests that wait for their turn at the database's {name}",
                lambda turns=turns: turns.statistics().tasks_waiting,  # type: ignore[misc]  # a default binds it
            )

    @staticmethod
    def of(request: Request) -> "State":
        """Return the parts that this request runs on."""
        return State.of_app(request.app)

    @staticmethod
    def of_app(app: Starlette) -> "State":
        """Return the parts of this application."""
        state = app.state.signedin
        if not isinstance(state, State):
            raise TypeError("the application was not built by create_app")
        return state

    async def read(self, work: Callable[[], T]) -> T:
        """Run database work that changes nothing.

        Raises:
            UnavailableError: Its turn did not come in time.
        """
        return await self._run(work, self.reads)

    async def write(self, work: Callable[[], T]) -> T:
        """Run database work that changes something; a caller that went away does not undo it.

        Raises:
            UnavailableError: Its turn did not come in time; nothing was done.
        """
        return await self._run(work, self.writes)

    async def _run(self, work: Callable[[], T], turns: anyio.CapacityLimiter) -> T:
        # In the order of arrival. Behind a writer that hangs each would wait for all before it to give up in turn.
        try:
            with anyio.fail_after(self.settings.turn_seconds):
                await turns.acquire_on_behalf_of(mine := object())
        except TimeoutError:
            raise UnavailableError from None
        try:
            return await anyio.to_thread.run_sync(work, limiter=self.threads)
        finally:
            turns.release_on_behalf_of(mine)

    def prepare(self) -> None:
        """Bring the schema up to date, learn what the records in it cost, and compare clocks.

        Raises:
            StartError: The database cannot be reached, or is none that this backend may work on.
        """
        self.storage.prepare()
        with self.storage.reading() as connection:
            self.passwords.know(storage.password_costs(connection))
            self._compare_clocks(connection)

    def _compare_clocks(self, connection: Connection) -> None:
        # Hosts that share a database judge each other's times. None asks another, but all of them ask the server.
        before, theirs, after = self.clock(), engines.now(connection), self.clock()
        if theirs is not None and not before - _APART <= theirs <= after + _APART:
            ahead = {"seconds_ahead_of_the_database": round(before - theirs, 3)}
            LOG.warning("this host's clock and the database server's differ", extra={"fields": ahead})

    def probe(self) -> None:
        """Raise unless the database answers."""
        with self.storage.reading() as connection:
            storage.ready(connection)
