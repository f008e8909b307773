"""One function per operation of `openapi.yaml`, and the ones beside it that operators and tests ask."""

import re
from functools import cache, partial
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from signedin_backend import answers, engines
from signedin_backend.bodies import texts
from signedin_backend.emails import EmailError, canonical
from signedin_backend.journal import LOG, mark
from signedin_backend.limits import is_loopback, is_within, origin
from signedin_backend.metrics import CONTENT_TYPE
from signedin_backend.passwords import LONGEST, PasswordError, acceptable, normal
from signedin_backend.sessions import Refusal, SessionOverError
from signedin_backend.shared_limits import Taking
from signedin_backend.state import State
from signedin_backend.storage import EmailTakenError, UserGoneError
from signedin_backend.tokens import ExpiredAccessTokenError, InvalidAccessTokenError

MISSING_CREDENTIALS = "You must provide an email and a password."
MISSING_REFRESH_TOKEN = "Missing refresh token."  # noqa: S105  # a message
_BEARER = re.compile(r"bearer ([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)  # RFC 6750, section 2.1
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_LONGEST = 4096


async def register(request: Request) -> Response:
    """Create an account and sign in."""
    state = State.of(request)
    email, address, password = await _credentials(request)
    try:
        data = acceptable(password, about=(*state.settings.password_words, email))
    except PasswordError as error:
        raise HTTPException(400, str(error)) from None
    # Apart from sign-ins: who registers an address again and again must not keep its owner from signing in.
    await _within(request, state.account_network_limit, f"register {address} {_origin(request)}")
    record = await state.passwords.hash(data)
    try:
        made = await state.write(partial(state.sessions.register, email, address, record))
    except EmailTakenError:
        raise HTTPException(400, "Email already in use.") from None
    await _trust(request, address)
    mark(request, "registered")
    return answers.pair(made)


async def login(request: Request) -> Response:
    """Sign in. Unknown user and wrong password take the same way: one read, one hash, one answer."""
    state = State.of(request)
    _, address, password = await _credentials(request)
    data = normal(password)
    if len(data) > LONGEST:
        raise HTTPException(400, MISSING_CREDENTIALS)
    # What one network has spent already costs the account nothing: alone it keeps nobody else from signing in.
    await _within(request, state.account_network_limit, f"login {address} {_origin(request)}")
    await _within_failures(request, address)
    user_id, record = await state.read(partial(state.sessions.password_of, address)) or (None, None)
    if not await state.passwords.verify(record, data) or user_id is None or record is None:
        if state.settings.rate_limit:
            await state.account_limit.take(address)
        raise _refused_login(request)
    renewed = await state.passwords.renewed(record, data)
    try:
        made = await state.write(partial(state.sessions.sign_in, user_id, was=record, renewed=renewed))
    except UserGoneError:
        raise _refused_login(request) from None
    await _trust(request, address)
    mark(request, "signed_in")
    return answers.pair(made)


async def refresh_token(request: Request) -> Response:
    """Exchange a refresh token for a new pair."""
    state = State.of(request)
    token = await _refresh_token(request)
    outcome = await state.write(partial(state.sessions.refresh, token, _idempotency_key(request)))
    if isinstance(outcome, Refusal):
        mark(request, "refused_refresh", reason=outcome.reason, session=outcome.session_id, revoked=outcome.revoked)
        raise HTTPException(401, "Unauthorized")
    mark(request, outcome.kind, session=outcome.session_id, left=outcome.left)
    return answers.pair(outcome.pair)


async def logout(request: Request) -> Response:
    """End the session of a refresh token; the same answer whether there was one (RFC 7009, section 2.2)."""
    state = State.of(request)
    token = await _refresh_token(request)
    revoked = await state.write(partial(state.sessions.sign_out, token))
    mark(request, "signed_out", revoked=revoked)
    return Response(status_code=204)


async def profile(request: Request) -> Response:
    """Read the signed-in user."""
    state = State.of(request)
    token = _bearer(request)
    try:
        user = await state.read(partial(state.sessions.user, token))
    except ExpiredAccessTokenError:
        mark(request, "expired_bearer")
        raise answers.challenge(answers.EXPIRED, ', error="invalid_token", error_description="expired"') from None
    except (InvalidAccessTokenError, SessionOverError):
        mark(request, "refused_bearer")
        raise answers.challenge(answers.UNAUTHORIZED, ', error="invalid_token"') from None
    mark(request, "profile")
    return answers.profile(user)


async def healthz(_: Request) -> Response:
    """Tell that the process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Tell that the database answers too."""
    state = State.of(request)
    try:
        await state.read(state.probe)
    except Exception as error:
        # Requested every few seconds, and no line of log otherwise.
        LOG.warning("not ready", extra={"fields": {"reason": engines.why(error)}})
        raise
    return JSONResponse({"status": "ready"})


async def openapi(_: Request) -> Response:
    """Show the contract, as tools read it."""
    return Response(_contract(), media_type="application/json")


async def ledger(request: Request) -> Response:
    """Show what was counted, to this machine only; what a proxy passes on is from elsewhere, whatever it says."""
    if not is_loopback(_direct(request)):
        raise HTTPException(404, "Not Found")
    return JSONResponse(State.of(request).journal.ledger())


async def metrics(request: Request) -> Response:
    """Show this worker's metrics to the networks that may see them."""
    state = State.of(request)
    if not is_within(_direct(request), state.settings.metrics_from):
        raise HTTPException(404, "Not Found")
    return Response(state.journal.metrics.text(), media_type=CONTENT_TYPE)


def _direct(request: Request) -> str:
    """Return whom a request is from, or nobody if a proxy passed it on, whomever that says it is from."""
    forwarded = {"forwarded", "x-forwarded-for"} & set(request.headers)
    return "" if request.client is None or forwarded else request.client.host


@cache
def _contract() -> bytes:
    """Return `openapi.yaml` of this repository as JSON; the suite holds the one against the other."""
    return files("signedin_backend").joinpath("openapi.json").read_bytes()


def _refused_login(request: Request) -> HTTPException:
    mark(request, "refused_login")
    return HTTPException(403, "Invalid login credentials.")


async def _credentials(request: Request) -> tuple[str, str, str]:
    await _within(request, State.of(request).address_limit, _origin(request))
    email, password = await texts(request, "email", "password", message=MISSING_CREDENTIALS)
    try:
        address = canonical(email)
    except EmailError:
        raise HTTPException(400, MISSING_CREDENTIALS) from None
    return email, address, password


async def _refresh_token(request: Request) -> str:
    await _within(request, State.of(request).address_limit, _origin(request))
    (token,) = await texts(request, "refreshToken", message=MISSING_REFRESH_TOKEN)
    if len(token) > _LONGEST:
        raise HTTPException(400, MISSING_REFRESH_TOKEN)
    return token


def _origin(request: Request) -> str:
    return origin(request.client.host) if request.client else ""


async def _within(request: Request, limit: Taking, key: str) -> None:
    if State.of(request).settings.rate_limit and (wait := await limit.take(key)):
        raise answers.too_many(wait)


async def _within_failures(request: Request, address: str) -> None:
    """Refuse guesses from new networks once an account had too many that failed, from everywhere."""
    # Counted where they fail: attempts that run already, at most `hash_queue`, may go beyond it.
    state = State.of(request)
    wait = await state.account_limit.wait(address) if state.settings.rate_limit else 0
    if wait and not await state.familiar.has(f"{address} {_origin(request)}"):
        raise answers.too_many(wait)


async def _trust(request: Request, address: str) -> None:
    if (state := State.of(request)).settings.rate_limit:
        await state.familiar.add(f"{address} {_origin(request)}")


def _idempotency_key(request: Request) -> str | None:
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _IDEMPOTENCY_KEY.fullmatch(keys[0]):
        raise HTTPException(400, "Malformed Idempotency-Key.")
    return keys[0]


def _bearer(request: Request) -> str:
    headers = request.headers.getlist("authorization")
    if not headers:
        mark(request, "no_bearer")
        raise answers.challenge(answers.UNAUTHORIZED)
    bearer = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
    if bearer is None:
        mark(request, "refused_bearer")
        raise answers.challenge(answers.UNAUTHORIZED, ', error="invalid_token"')
    return bearer[1]
