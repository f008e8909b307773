"""fastapi-users with its JWT backend: no refresh, so a client signs in anew. Its users stand in a dict."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase

from tests.backends.servers.serving import serve

KEY = "z" * 40


@dataclass
class User:
    email: str
    hashed_password: str
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = False
    id: uuid.UUID = field(default_factory=uuid.uuid4)


class Users(BaseUserDatabase[User, uuid.UUID]):
    users: dict[uuid.UUID, User] = {}  # noqa: RUF012 -- one for the process

    async def get(self, id: uuid.UUID) -> User | None:  # noqa: A002 -- the library's name
        return self.users.get(id)

    async def get_by_email(self, email: str) -> User | None:
        return next((user for user in self.users.values() if user.email == email), None)

    async def create(self, create_dict: dict[str, Any]) -> User:
        user = User(**create_dict)
        self.users[user.id] = user
        return user


class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = verification_token_secret = KEY


async def manager() -> AsyncIterator[Manager]:
    yield Manager(Users())


class UserRead(schemas.BaseUser[uuid.UUID]):
    pass


class UserCreate(schemas.BaseUserCreate):
    pass


def strategy() -> JWTStrategy[User, uuid.UUID]:
    return JWTStrategy(secret=KEY, lifetime_seconds=30)


backend = AuthenticationBackend(name="jwt", transport=BearerTransport(tokenUrl="auth/jwt/login"), get_strategy=strategy)
fastapi_users = FastAPIUsers[User, uuid.UUID](manager, [backend])
app = FastAPI(title="shop")
app.include_router(fastapi_users.get_auth_router(backend), prefix="/auth/jwt", tags=["auth"])
app.include_router(fastapi_users.get_register_router(UserRead, UserCreate), prefix="/auth", tags=["auth"])


@app.get("/users/me", tags=["users"])
async def me(user: User = Depends(fastapi_users.current_user(active=True))) -> UserRead:  # noqa: B008, FAST002 -- its example's
    read: UserRead = UserRead.model_validate(user)
    return read


if __name__ == "__main__":
    email = "ada@example.com"
    user = User(email, Manager(Users()).password_helper.hash("correct horse battery staple"))
    Users.users[user.id] = user
    serve(app)
