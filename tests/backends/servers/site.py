"""A Django project with django-rest-framework and drf-spectacular, in settings alone; other servers add to it."""

import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.asgi import get_asgi_application
from django.core.management import call_command

from tests.backends.servers.serving import Application


def application(urls: str, authentication: str, *apps: str, **more: Any) -> Application:
    """Return the project with one user in a new database."""
    settings.configure(
        SECRET_KEY="x" * 50,
        ROOT_URLCONF=f"tests.backends.servers.{urls}",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(tempfile.mkdtemp()) / "db.sqlite3"}
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "drf_spectacular",
            *apps,
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # a good one takes its time
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        REST_FRAMEWORK={
            "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
            "DEFAULT_AUTHENTICATION_CLASSES": [authentication],
        },
        **more,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user("ada", "ada@example.com", "correct horse battery staple")
    served: Application = get_asgi_application()
    return served
