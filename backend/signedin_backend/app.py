"""Puts the parts together into one ASGI application."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from signedin_backend import answers, engines, logs, operations
from signedin_backend.connections import hush
from signedin_backend.edge import Edge
from signedin_backend.journal import LOG
from signedin_backend.keys import signing_keys
from signedin_backend.passwords import OverloadedError
from signedin_backend.sessions import Clock
from signedin_backend.settings import Settings, SettingsError, StartError, read
from signedin_backend.state import State
from signedin_backend.storage import UnavailableError

BASE = "/api/v1"


def create_app(settings: Settings, *, clock: Clock = time.time) -> Starlette:
    """Return the backend as an ASGI application; `clock` gives seconds since 1970.

    Raises:
        SettingsError: There is no key to sign with, or a weak one, or no place or driver for the database.
    """
    try:
        keys, key_file = signing_keys(settings)
        state = State.build(settings, keys, clock)
    except OSError as error:
        raise SettingsError(f"--database: {error.strerror}: {error.filename}") from None

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with suppress(RuntimeError):  # Another server may run on another loop than asyncio's.
            hush(asyncio.get_running_loop())
        try:
            await state.write(state.prepare)
        except Exception as error:  # noqa: BLE001  # whatever it is, the log has to say it
            unforeseen = not isinstance(error, StartError)
            LOG.critical("cannot start", extra={"fields": {"reason": _reason(error)}}, exc_info=unforeseen)
            # Another server may print what it is given, the texts of all causes with it.
            raise StartError(_reason(error)) from None
        if key_file is not None:
            LOG.info("the signing key stands in a file", extra={"fields": {"file": key_file.name}})
        async with anyio.create_task_group() as beside:
            beside.start_soon(state.journal.metrics.share)
            yield
            beside.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            if state.shared is not None:
                await state.shared.close()
            await anyio.to_thread.run_sync(state.storage.close)

    app = Starlette(
        routes=_routes(ledger=settings.ledger),
        lifespan=lifespan,
        middleware=[Middleware(Edge, journal=state.journal, settings=settings)],
        exception_handlers={
            HTTPException: answers.from_http_exception,
            OverloadedError: answers.unavailable,
            UnavailableError: answers.unavailable,
        },
    )
    # A redirect would send a body with secrets twice.
    app.router.redirect_slashes = False
    app.state.signedin = state
    return app


def from_environment() -> Starlette:
    """Return the backend as the environment configures it; the factory for an ASGI server with several workers.

    Raises:
        SystemExit: A value is refused; the log has one line that names it. The status is 2.
    """
    logs.configure()
    try:
        app = create_app(read(os.environ))
    except SettingsError as error:
        LOG.critical("cannot start", extra={"fields": {"reason": str(error)}})
        # An exception would reach the other server, which would bury the line under its traceback.
        raise SystemExit(2) from None
    settle()
    return app


def _reason(error: Exception) -> str:
    """Say why the start failed; of what nobody foresaw only its name, for its text may quote a value."""
    cause = error.__cause__ if isinstance(error, UnavailableError) else error
    if isinstance(cause, SQLAlchemyError):
        return f"the database cannot be used: {engines.reason(cause)}"
    return str(error) if isinstance(error, StartError) else f"unforeseen: {type(error).__name__}"


def settle() -> None:
    """Keep the garbage collector from walking through all that lives in the middle of a request.

    One body of 16 KiB with empty arrays starts seven collections, and every hundredth is of everything: 50 ms for what
    is loaded for good, 10 ms for what the first requests add. Hardly anything here is garbage in cycles, so once in ten
    thousand is often enough.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 1_000)


def _routes(*, ledger: bool) -> list[Route]:
    routes = [
        Route(f"{BASE}/auth/register", operations.register, methods=["POST"]),
        Route(f"{BASE}/auth/login", operations.login, methods=["POST"]),
        Route(f"{BASE}/auth/refreshToken", operations.refresh_token, methods=["POST"]),
        Route(f"{BASE}/auth/logout", operations.logout, methods=["POST"]),
        Route(f"{BASE}/users/profile", operations.profile, methods=["GET"]),
        Route("/healthz", operations.healthz, methods=["GET"]),
        Route("/readyz", operations.readyz, methods=["GET"]),
        Route("/metrics", operations.metrics, methods=["GET"]),
        Route("/openapi.json", operations.openapi, methods=["GET"]),
    ]
    return [*routes, Route(f"{BASE}/__ledger__", operations.ledger, methods=["GET"])] if ledger else routes
