"""An OpenID Connect provider: authlib's server on Flask, with discovery, code flow, rotation and revocation.

Its one user is signed in and consents to everything, so that a test gets a code by one request.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from asgiref.wsgi import WsgiToAsgi
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.backends.servers.serving import serve

USER = "ada"
KEYS = KeySet([RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})])


class Client(ClientMixin):
    client_id = "app"

    def get_client_id(self) -> str:
        return self.client_id

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == "s3cret"

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 -- the library's interface
        return method == "client_secret_basic"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == "http://127.0.0.1/callback"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"authorization_code", "refresh_token"}

    def get_allowed_scope(self, scope: str) -> str:
        return scope


class Code(AuthorizationCodeMixin):
    def __init__(self, redirect_uri: str, scope: str) -> None:
        self.redirect_uri, self.scope = redirect_uri, scope

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Token(TokenMixin):
    scope: str
    end: float = field(default_factory=lambda: time.time() + 600)

    def check_client(self, client: Client) -> bool:
        return client.client_id == Client.client_id

    def get_scope(self) -> str:
        return self.scope


codes: dict[str, Code] = {}
refresh_tokens: dict[str, Token] = {}


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        codes[code] = Code(request.payload.redirect_uri, request.payload.scope)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:  # noqa: ARG002 -- there is one client
        return codes.pop(code, None)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Do nothing: a code is taken out when it is presented."""

    def authenticate_user(self, authorization_code: Code) -> str:  # noqa: ARG002 -- there is one user
        return USER


class RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token = refresh_tokens.pop(refresh_token, None)
        return token if token and token.end > time.time() else None

    def authenticate_user(self, refresh_token: Token) -> str:  # noqa: ARG002 -- there is one user
        return USER

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """Do nothing: a refresh token is taken out when it is presented."""


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ("client_secret_basic",)

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:  # noqa: ARG002 -- a hint
        return refresh_tokens.pop(token_string, None)

    def revoke_token(self, token: Token, request: Any) -> None:
        """Do nothing: it has been taken out."""


def access_token(client: Client, grant_type: str, user: str, scope: str) -> str:
    now = int(time.time())
    claims = {"iss": request.url_root.rstrip("/"), "aud": "shop", "sub": user, "iat": now, "exp": now + 30}
    claims |= {"scope": scope, "client_id": client.client_id, "grant": grant_type}
    token: str = jwt.encode({"alg": "RS256", "kid": "1"}, claims, KEYS)
    return token


def save_token(token: dict[str, Any], _: object) -> None:
    refresh_tokens[token["refresh_token"]] = Token(token["scope"])


app = Flask(__name__)
app.config.update(
    OAUTH2_ACCESS_TOKEN_GENERATOR=access_token,
    OAUTH2_REFRESH_TOKEN_GENERATOR=True,
    OAUTH2_TOKEN_EXPIRES_IN={"authorization_code": 30, "refresh_token": 30},
)
server = AuthorizationServer(app, lambda client_id: Client() if client_id == "app" else None, save_token)
server.register_grant(CodeGrant)
server.register_grant(RefreshGrant)
server.register_endpoint(Revocation)


@app.get("/.well-known/openid-configuration")
def discovery() -> Any:
    issuer = request.url_root.rstrip("/")
    endpoints = {"token_endpoint": "token", "revocation_endpoint": "revoke", "jwks_uri": "keys"}
    return jsonify(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        response_types_supported=["code"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
        token_endpoint_auth_methods_supported=["client_secret_basic"],
        **{name: f"{issuer}/{path}" for name, path in endpoints.items()},
    )


@app.get("/keys")
def keys() -> Any:
    return jsonify(KEYS.as_dict(private=False))


@app.get("/authorize")
def authorize() -> Any:
    return server.create_authorization_response(grant_user=USER, grant=server.get_consent_grant(end_user=USER))


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.post("/revoke")
def revoke() -> Any:
    return server.create_endpoint_response("revocation")


if __name__ == "__main__":
    serve(WsgiToAsgi(app))
