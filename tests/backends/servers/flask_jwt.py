"""flask-jwt-extended, its document by flask-smorest: `bearer`, or `cookies` with their double-submit CSRF tokens."""

import sys
from datetime import timedelta
from typing import Any

from asgiref.wsgi import WsgiToAsgi
from flask import Flask, jsonify
from flask.views import MethodView
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_identity,
    jwt_required,
    set_refresh_cookies,
    unset_refresh_cookies,
)
from flask_smorest import Api, Blueprint, abort
from marshmallow import Schema, fields

from tests.backends.servers.serving import serve

blueprint = Blueprint("shop", __name__)
revoked: set[str] = set()


class LoginSchema(Schema):
    username = fields.String(required=True)
    password = fields.String(required=True)


class PairSchema(Schema):
    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)


class TokenSchema(Schema):
    access_token = fields.String(required=True)


class MeSchema(Schema):
    username = fields.String(required=True)


@blueprint.route("/me")
class Me(MethodView):
    @blueprint.response(200, MeSchema)
    @jwt_required(locations=["headers"])
    def get(self) -> Any:
        return {"username": get_jwt_identity()}


def checked(login: dict[str, str]) -> str:
    if login["password"] != "correct horse battery staple":
        abort(401, message="Bad username or password")
    return login["username"]


def routes_of_bearers() -> None:
    """As the documentation's refreshing tokens and its blocklist, in headers."""

    @blueprint.route("/login", methods=["POST"])
    @blueprint.arguments(LoginSchema)
    @blueprint.response(200, PairSchema)
    def login(arguments: dict[str, str]) -> Any:
        name = checked(arguments)
        return {"access_token": create_access_token(name), "refresh_token": create_refresh_token(name)}

    @blueprint.route("/refresh", methods=["POST"])
    @blueprint.response(200, TokenSchema)
    @jwt_required(refresh=True)
    def refresh() -> Any:
        return {"access_token": create_access_token(get_jwt_identity())}

    @blueprint.route("/logout", methods=["DELETE"])
    @blueprint.response(204)
    @jwt_required(verify_type=False)
    def logout() -> None:
        revoked.add(get_jwt()["jti"])


def routes_of_cookies() -> None:
    """The access token in JSON, the refresh token in an HttpOnly cookie; a refresh sets a new one."""

    @blueprint.route("/login", methods=["POST"])
    @blueprint.arguments(LoginSchema)
    @blueprint.response(200, TokenSchema)
    def login(arguments: dict[str, str]) -> Any:
        name = checked(arguments)
        response = jsonify(access_token=create_access_token(name))
        set_refresh_cookies(response, create_refresh_token(name))
        return response

    @blueprint.route("/refresh", methods=["POST"])
    @blueprint.response(200, TokenSchema)
    @jwt_required(refresh=True, locations=["cookies"])
    def refresh() -> Any:
        revoked.add(get_jwt()["jti"])
        response = jsonify(access_token=create_access_token(get_jwt_identity()))
        set_refresh_cookies(response, create_refresh_token(get_jwt_identity()))
        return response

    @blueprint.route("/logout", methods=["POST"])
    @blueprint.response(200)
    @jwt_required(refresh=True, locations=["cookies"])
    def logout() -> Any:
        revoked.add(get_jwt()["jti"])
        response = jsonify()
        unset_refresh_cookies(response)
        return response


if __name__ == "__main__":
    app = Flask(__name__)
    app.config.update(
        API_TITLE="shop",
        API_VERSION="1.0.0",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/",
        JWT_SECRET_KEY="y" * 40,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=30),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=600),
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_COOKIE_SECURE=False,  # plain http on loopback
    )
    JWTManager(app).token_in_blocklist_loader(lambda _, payload: payload["jti"] in revoked)
    {"bearer": routes_of_bearers, "cookies": routes_of_cookies}[sys.argv[1]]()
    Api(app).register_blueprint(blueprint)
    serve(WsgiToAsgi(app))
