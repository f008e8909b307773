"""djangorestframework-simplejwt: `plain`, as installed; `rotating`; `blacklist`, rotating with the blacklist."""

import sys
from datetime import timedelta

from tests.backends.servers.serving import serve
from tests.backends.servers.site import application

if __name__ == "__main__":
    mode = sys.argv[1]
    serve(
        application(
            "simplejwt_urls",
            "rest_framework_simplejwt.authentication.JWTAuthentication",
            "rest_framework_simplejwt.token_blacklist",
            SPECTACULAR_SETTINGS={"TITLE": "shop", "VERSION": "1.0.0"},
            SIMPLE_JWT={
                "ACCESS_TOKEN_LIFETIME": timedelta(seconds=30),
                "REFRESH_TOKEN_LIFETIME": timedelta(seconds=600),
                "ROTATE_REFRESH_TOKENS": mode != "plain",
                "BLACKLIST_AFTER_ROTATION": mode == "blacklist",
            },
        )
    )
