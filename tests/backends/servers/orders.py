"""An API on FastAPI whose users sign in at an OpenID Connect provider on another origin: `orders ISSUER`."""

import sys
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OpenIdConnect
from pydantic import BaseModel

from tests.backends.servers.serving import serve

ISSUER = sys.argv[1]
app = FastAPI(title="orders")
scheme = OpenIdConnect(openIdConnectUrl=f"{ISSUER}/.well-known/openid-configuration", auto_error=False)
keys = jwt.PyJWKClient(f"{ISSUER}/keys")


class Orders(BaseModel):
    username: str


def user(authorization: Annotated[str | None, Depends(scheme)]) -> str:
    token = (authorization or "").removeprefix("Bearer ")
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience="shop", issuer=ISSUER)
    except jwt.InvalidTokenError:
        # RFC 6750, section 3.1
        raise HTTPException(401, "No", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}) from None
    name: str = claims["sub"]
    return name


@app.get("/orders")
def list_orders(username: Annotated[str, Depends(user)]) -> Orders:
    return Orders(username=username)


if __name__ == "__main__":
    serve(app)
