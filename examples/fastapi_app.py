"""FastAPI, many users, one pool: each browser's tokens are a profile of one client; the browser has a random id.

SIGNEDIN_BASE_URL=http://localhost:5000/api/v1 uvicorn examples.fastapi_app:app
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel
from signedin import APIStatusError, AsyncClient, SignInRequiredError


class Credentials(BaseModel):
    """What the login form sends."""

    email: str
    password: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the one client, and so the one connection pool."""
    async with AsyncClient() as app.state.client:  # SIGNEDIN_STORE=redis://... for several workers
        yield


app = FastAPI(lifespan=lifespan)


def user(request: Request, sid: Annotated[str | None, Cookie()] = None) -> AsyncClient:
    """Return the client of whoever asks: a view, which costs microseconds."""
    if sid is None:
        raise HTTPException(401, "sign in")
    client: AsyncClient = request.app.state.client
    return client.for_profile(sid)


@app.post("/login")
async def login(credentials: Credentials, request: Request, response: Response) -> str:
    """Sign in, and hand out a new id."""
    sid = secrets.token_urlsafe(32)
    try:
        await request.app.state.client.for_profile(sid).auth.login(**credentials.model_dump())
    except APIStatusError as error:
        raise HTTPException(error.status_code, error.message) from None
    response.set_cookie("sid", sid, httponly=True, secure=True, samesite="lax")
    return "signed in"


@app.get("/me")
async def me(client: Annotated[AsyncClient, Depends(user)]) -> str:
    """Show the user, as the backend knows them."""
    try:
        return (await client.users.get_profile()).email
    except SignInRequiredError:
        raise HTTPException(401, "sign in") from None
