"""django-oauth-toolkit: grants `password` and `client_credentials`, rotating, with a grace of two minutes."""

from django.apps import apps

from tests.backends.servers.serving import serve
from tests.backends.servers.site import application

if __name__ == "__main__":
    site = application(
        "toolkit_urls",
        "oauth2_provider.contrib.rest_framework.OAuth2Authentication",
        "oauth2_provider",
        SPECTACULAR_SETTINGS={
            "TITLE": "shop",
            "VERSION": "1.0.0",
            "OAUTH2_FLOWS": ["password", "clientCredentials"],
            "OAUTH2_TOKEN_URL": "/o/token/",
            "OAUTH2_REFRESH_URL": "/o/token/",
            "OAUTH2_SCOPES": {"read": "Reads."},
        },
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": 30,
            "REFRESH_TOKEN_EXPIRE_SECONDS": 600,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 120,
            "SCOPES": {"read": "Reads."},
        },
    )
    for client, grant in {"app": "password", "worker": "client-credentials"}.items():
        apps.get_model("oauth2_provider", "Application").objects.create(
            client_id=client, client_secret="s3cret", client_type="confidential", authorization_grant_type=grant
        )
    serve(site)
