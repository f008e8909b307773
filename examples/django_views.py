"""Django: one client for the process, one profile for each signed-in browser; tokens never reach the browser.

In your settings ROOT_URLCONF = "examples.django_views", in the environment SIGNEDIN_BASE_URL.
"""

import functools
import secrets

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST
from signedin import APIStatusError, Client, SignInRequiredError

_COOKIE = "sid"


@functools.cache
def client() -> Client:
    """Return the one client of this process; SIGNEDIN_STORE=redis://... where there are several."""
    return Client()


def login(request: HttpRequest) -> HttpResponse:
    """Sign in, and hand out a new id."""
    sid = secrets.token_urlsafe(32)
    try:
        client().for_profile(sid).auth.login(email=request.POST["email"], password=request.POST["password"])
    except APIStatusError as error:
        return JsonResponse({"message": error.message}, status=error.status_code)
    response = HttpResponse(status=204)
    response.set_signed_cookie(_COOKIE, sid, httponly=True, secure=True, samesite="Lax")
    return response


def me(request: HttpRequest) -> HttpResponse:
    """Show the user, as the backend knows them."""
    sid = request.get_signed_cookie(_COOKIE, default="")
    try:
        if not sid:
            return JsonResponse({"message": "sign in"}, status=401)
        return JsonResponse({"email": client().for_profile(sid).users.get_profile().email})
    except SignInRequiredError:
        return JsonResponse({"message": "sign in"}, status=401)


urlpatterns = [path("login", require_POST(login)), path("me", me)]
