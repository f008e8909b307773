"""BearerAuth: the plan, carried out in two colours for any httpx client behind the same login."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import httpx

from signedin._origin import stay_home
from signedin.session import renewal_of
from signedin._plan import Acquire, Answer, Renew, Send, Step, plan

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from signedin._held import Held
    from signedin._threads import Promise
    from signedin._renewal import Renewal
    from signedin.session import TokenSession


class BearerAuth(httpx.Auth):
    """Keep the requests of an `httpx.Client` or `httpx.AsyncClient` authenticated by a session.

    Requests to origins that are not the session's, or that bring their own Authorization header, pass untouched. An
    auth of httpx sees no redirects: a client that follows them needs the hook as well, or a server can have a body
    (a password, say) sent on to another origin.

        auth = BearerAuth(session)
        httpx.Client(auth=auth, event_hooks={"request": [auth.stay_home]}, follow_redirects=True)
        httpx.AsyncClient(auth=auth, event_hooks={"request": [auth.astay_home]}, follow_redirects=True)
    """

    def __init__(self, session: TokenSession, places: object = None) -> None:
        self._session = renewal_of(session)
        self._places = places  # for async clients: where requests wait for a connection

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Carry the plan out, blocking."""
        steps = plan(request, self._session)
        step = _next(steps, None)
        while step is not None:
            if isinstance(step, Send):
                response = yield step.request
                if response.status_code == self._session.expired.status:
                    response.read()  # before anybody waits: an unread answer keeps its connection
                step = _next(steps, _answer(response, self._session))
            else:
                step = _next(steps, self._session.wait(self._ask(step)))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Carry the plan out, awaiting."""
        steps = plan(request, self._session)
        step = _next(steps, None)
        while step is not None:
            if isinstance(step, Send):
                async with nullcontext():
                    response = yield step.request
                    if response.status_code == self._session.expired.status:
                        await response.aread()
                step = _next(steps, _answer(response, self._session))
            else:
                step = _next(steps, await self._session.await_(self._ask(step)))

    def stay_home(self, request: httpx.Request) -> None:
        """Keep token and body from being redirected elsewhere: a request hook for `httpx.Client`.

        Raises:
            APIConnectionError: A request with a body was redirected to another origin; nothing was sent there.
        """
        stay_home(request, self._session.origins)

    async def astay_home(self, request: httpx.Request) -> None:
        """As `stay_home`, for `httpx.AsyncClient`, whose hooks are awaited."""
        stay_home(request, self._session.origins)

    def _ask(self, step: Acquire | Renew) -> Held | Promise[Held]:
        if isinstance(step, Renew):
            return self._session.renew(step.rejected)
        return self._session.current_for_one_shot() if step.one_shot else self._session.current()


def _next(steps: Generator[Step, Any, None], result: object) -> Step | None:
    try:
        return steps.send(result)
    except StopIteration:
        return None


def _answer(response: httpx.Response, session: Renewal) -> Answer:
    refused = response.status_code == session.expired.status
    return Answer(response.status_code, response.content if refused else b"", response.url)
