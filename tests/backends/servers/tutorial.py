"""FastAPI as in its tutorial "OAuth2 with Password, Bearer with JWT tokens", and a JSON refresh that rotates."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel

from tests.backends.servers.serving import serve

KEY = "z" * 40
app = FastAPI(title="shop")
scheme = OAuth2PasswordBearer(tokenUrl="token")
presented: set[str] = set()


class Token(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str


class Refresh(BaseModel):
    refresh_token: str


class User(BaseModel):
    username: str


def pair(name: str) -> Token:
    return Token(access_token=token(name, "access", 30), refresh_token=token(name, "refresh", 600), token_type="bearer")


def token(name: str, kind: str, seconds: int) -> str:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    return jwt.encode({"sub": name, "kind": kind, "jti": uuid.uuid4().hex, "exp": end}, KEY, algorithm="HS256")


def payload(presented_token: str, kind: str) -> dict[str, str]:
    refusal = HTTPException(401, "Could not validate credentials", headers={"WWW-Authenticate": "Bearer"})
    try:
        claims: dict[str, str] = jwt.decode(presented_token, KEY, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise refusal from None
    if claims["kind"] != kind:
        raise refusal
    return claims


@app.post("/token")
async def login_for_access_token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    if form.password != "correct horse battery staple":
        raise HTTPException(401, "Incorrect username or password", headers={"WWW-Authenticate": "Bearer"})
    return pair(form.username)


@app.post("/refresh")
async def refresh_access_token(body: Refresh) -> Token:
    claims = payload(body.refresh_token, "refresh")
    if claims["jti"] in presented:
        raise HTTPException(401, "This refresh token was used before")
    presented.add(claims["jti"])
    return pair(claims["sub"])


@app.get("/users/me")
async def read_users_me(access: Annotated[str, Depends(scheme)]) -> User:
    return User(username=payload(access, "access")["sub"])


if __name__ == "__main__":
    serve(app)
