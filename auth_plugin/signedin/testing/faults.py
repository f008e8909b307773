"""What can go wrong with one exchange, by name: for `FakeAuthServer.fail`.

Each fault says in words what happens, and how a refresh takes it. How it is played stands in `_plays`.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx

from signedin.testing._plays import answering, breaking, changing, raising, rewriting, saying

if TYPE_CHECKING:
    from signedin.testing._plays import Handle, Play

Taken = Literal["refused", "not sent", "busy", "unknown", "renewed"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong.

    `what` happens, in words. `refresh`: how a refresh takes it: the session is over ("refused"); the server surely did
    nothing ("not sent", "busy"); the token may be spent ("unknown"); or nothing is lost at all ("renewed"). `acted`:
    the server had done its work. `hits_calls`: other calls than the refresh fail by it, too.
    """

    what: str
    refresh: Taken
    play: Play
    acted: bool = False
    hits_calls: bool = True

    def __call__(self, request: httpx.Request, handle: Handle) -> httpx.Response:
        """Answer the request, or raise what a transport would."""
        return self.play(request, handle)


_HTML: Final = {"content-type": "text/html"}
_PAGE: Final = b"<html><body>Sign in to this network</body></html>"
_ZIPPED: Final = {"content-encoding": "gzip"}
_EVIL: Final = {"location": "https://evil.test/take"}


def _never(what: str, error: type[httpx.RequestError], text: str | None = None) -> Fault:
    return Fault(what, "not sent", raising(error, text))


def _doubt(what: str, play: Play) -> Fault:
    return Fault(what, "unknown", play)


def _lost(what: str, play: Play) -> Fault:
    return Fault(what, "unknown", play, acted=True)


def _spoilt(what: str, play: Play) -> Fault:
    """Spoil what only an answer with tokens has."""
    return Fault(what, "unknown", play, acted=True, hits_calls=False)


def _token(what: str, name: str, value: Any) -> Fault:
    return _spoilt(what, changing(lambda body: {**body, name: value}))


def _harmless(what: str, play: Play) -> Fault:
    return Fault(what, "renewed", play, acted=True, hits_calls=False)


NOT_SENT: Final = {
    "connect error": _never("nobody listens", httpx.ConnectError),
    "connect timeout": _never("the connection is not made in time", httpx.ConnectTimeout),
    "pool timeout": _never("no place in the connection pool comes free", httpx.PoolTimeout),
    "dns failure": _never("the name has no address", httpx.ConnectError, "[Errno -2] Name or service not known"),
    "tls failure": _never(
        "the certificate is not trusted", httpx.ConnectError, "[SSL: CERTIFICATE_VERIFY_FAILED] verify failed"
    ),
    "proxy error": _never("the proxy opens no tunnel", httpx.ProxyError, "407 Proxy Authentication Required"),
}
BROKEN: Final = {
    "read timeout": _doubt("no answer comes in time", raising(httpx.ReadTimeout)),
    "read error": _doubt("the connection is reset", raising(httpx.ReadError)),
    "write error": _doubt("the connection breaks while the request is sent", raising(httpx.WriteError)),
    "write timeout": _doubt("the request cannot be sent in time", raising(httpx.WriteTimeout)),
    "protocol error": _doubt("the server closes without an answer", raising(httpx.RemoteProtocolError)),
    "local protocol error": _doubt("the HTTP library refuses in the middle", raising(httpx.LocalProtocolError)),
    "lost read timeout": _lost("the server acts and its answer never comes", raising(httpx.ReadTimeout, after=True)),
    "lost reset": _lost("the server acts and the connection is reset", raising(httpx.ReadError, after=True)),
    "lost protocol error": _lost("the server acts and closes", raising(httpx.RemoteProtocolError, after=True)),
    "lost close error": _lost("the server acts and closing fails", raising(httpx.CloseError, after=True)),
    "lost decoding error": _lost("the answer cannot be decoded", raising(httpx.DecodingError, after=True)),
    "cut in the body": _lost("the server closes in the middle of the body", breaking(httpx.RemoteProtocolError)),
    "reset in the body": _lost("the connection is reset in the middle of the body", breaking(httpx.ReadError)),
    "stall in the body": _lost("the body stops in the middle", breaking(httpx.ReadTimeout)),
    "lost 500": _lost(
        "the server acts and then fails", answering(500, b'{"message": "late", "stack": ""}', after=True)
    ),
    "lost 502": _lost("the server acts, the gateway gives up", answering(502, _PAGE, after=True, headers=_HTML)),
    "lost 504": _lost("the server acts too late for the gateway", answering(504, _PAGE, after=True, headers=_HTML)),
}
TROUBLED: Final = {
    "500": _doubt("the server fails", saying(500, "Cannot read properties of null")),
    "501": _doubt("the server does not know the method", saying(501, "Not implemented.")),
    "502 html": _doubt("a gateway's page, 502", answering(502, _PAGE, headers=_HTML)),
    "503": _doubt("unavailable, for nobody knows how long", saying(503, "Service unavailable.")),
    "504 html": _doubt("a gateway's page, 504", answering(504, _PAGE, headers=_HTML)),
    "511 html": _doubt("a hotel's network asks for a sign-in", answering(511, _PAGE, headers=_HTML)),
    "520": _doubt("a status that no standard knows, without a body", answering(520, b"")),
    "404": _doubt("the path is not there, as during a deployment", saying(404, "Not found.")),
    "405": _doubt("the method is not allowed, as during a deployment", saying(405, "Method not allowed.")),
    "407 html": _doubt("a proxy asks for a password", answering(407, _PAGE, headers=_HTML)),
    "408": _doubt("the server waited too long for the request", answering(408, b"")),
    "413 html": _doubt("a proxy finds the request too large", answering(413, _PAGE, headers=_HTML)),
    "421": _doubt("the connection led to the wrong server", answering(421, b"")),
    "422": _doubt("the server finds the request invalid", saying(422, "Invalid.")),
    "425": _doubt("too early: the server fears a replay", answering(425, b"")),
    "451": _doubt("refused for legal reasons", saying(451, "Unavailable for legal reasons.")),
}
BUSY: Final = {
    "busy 429": Fault("too many requests, come back in 2 s", "busy", saying(429, "Too many.", retry_after="2")),
    "busy 429 without time": Fault("too many requests", "busy", saying(429, "Too many requests.")),
    "busy 429 at once": Fault("too many requests, come back at once", "busy", saying(429, "Too many", retry_after="0")),
    "busy 429 with a date": Fault(
        "too many requests until a date", "busy", saying(429, "Too many.", retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    ),
    "busy 429 with nonsense": Fault("Retry-After is no time", "busy", saying(429, "Too many.", retry_after="-1e9")),
    "busy 503": Fault("unavailable for 2 s", "busy", saying(503, "Service unavailable.", retry_after="2")),
    "busy for an hour": Fault("unavailable for an hour", "busy", saying(503, "Unavailable.", retry_after="3600")),
    "busy for ever": Fault("Retry-After is absurd", "busy", saying(503, "Unavailable.", retry_after="9" * 400)),
}
MOVED: Final = {
    "301": _doubt("moved for good", answering(301, b"", headers=_EVIL)),
    "302": _doubt("a portal's sign-in page", answering(302, _PAGE, headers={**_HTML, **_EVIL})),
    "303": _doubt("see elsewhere", answering(303, b"", headers=_EVIL)),
    "304": _doubt("a cache says: not modified", answering(304, b"")),
    "redirect": _doubt("moved for now, the body to come along", answering(307, b"", headers=_EVIL)),
    "308": _doubt("moved for good, the body to come along", answering(308, b"", headers=_EVIL)),
    "redirect to nowhere": _doubt("a redirect that does not say where to", answering(307, b"", headers={"x-a": "b"})),
}
REFUSED: Final = {
    "400": Fault("the API finds no refresh token", "refused", saying(400, "Missing refresh token.")),
    "401": Fault("the API refuses the refresh token", "refused", saying(401, "Unauthorized")),
    "401 expired": Fault("the API calls the refresh token expired", "refused", saying(401, "TokenExpiredError")),
    "403": Fault("the API forbids it", "refused", saying(403, "Forbidden")),
}
REFUSED_BY_OTHERS: Final = {
    "400 html": _doubt("a firewall's page with 400", answering(400, _PAGE, headers=_HTML)),
    "401 html": _doubt("a portal's page with 401", answering(401, _PAGE, headers=_HTML)),
    "403 html": _doubt("a firewall's page with 403", answering(403, _PAGE, headers=_HTML)),
    "401 empty": _doubt("401 without the body that the API documents", answering(401, b"")),
    "403 of a gateway": _doubt("a gateway's 403, in JSON of its own", answering(403, b'{"message": "Forbidden"}')),
    "401 array": _doubt("401 with JSON that is not the API's", answering(401, b'["Unauthorized"]')),
}
NO_ANSWERS: Final = {
    "201": _spoilt("created, and no tokens in the body", answering(201, b"{}", after=True)),
    "202": _spoilt("accepted, and the answer is to come", answering(202, b"{}", after=True)),
    "204": _lost("done, and no body", answering(204, b"", after=True)),
    "206": _lost("a part of the body, says the status", answering(206, b'{"accessT', after=True)),
    "html": _doubt("a page with 200", answering(200, _PAGE, headers=_HTML)),
    "empty": _doubt("200 and no body", answering(200, b"")),
    "half json": _doubt("half of an object", answering(200, b'{"accessToken": "a')),
    "deep json": _doubt("brackets deeper than a parser's stack", answering(200, b"[" * 60_000)),
    "huge": _doubt("a megabyte of token", answering(200, b'{"accessToken": "' + b"a" * 1_000_000 + b'"}')),
    "gzip bomb": _doubt(
        "eight megabytes in a few bytes",
        answering(200, gzip.compress(gzip.compress(b"\0" * 8_000_000)), headers={"content-encoding": "gzip, gzip"}),
    ),
    "gzip garbage": _lost("called gzip, and is not", rewriting(lambda body: body, **_ZIPPED)),
    "xml": _doubt("XML with 200", answering(200, b"<tokens><accessToken>a</accessToken></tokens>")),
    "form": _doubt("a form in place of JSON", answering(200, b"accessToken=a&refreshToken=r")),
    "jsonp": _lost("JSON inside a call", rewriting(lambda body: b"callback(" + body + b");")),
    "trailing garbage": _lost("JSON, and something after it", rewriting(lambda body: body + b"<!-- cached -->")),
    "two answers": _lost("JSON twice", rewriting(lambda body: body + body)),
    "latin-1": _lost("JSON in Latin-1", rewriting(lambda body: body[:-1] + b', "name": "Zo\xeb"}')),
    "null": _lost("null", changing(lambda _: None)),
    "array": _lost("the object inside an array", changing(lambda body: [body])),
    "string": _lost("a string", changing(lambda _: "ok")),
    "number": _lost("a number", changing(lambda _: 200)),
    "true": _lost("true", changing(lambda _: True)),
    "nested": _lost("the object one level down", changing(lambda body: {"data": body})),
    "undefined": _lost("other names", changing(lambda body: {name + "x": value for name, value in body.items()})),
}
SPOILT: Final = {
    "no access token": _spoilt("no access token", changing(lambda body: {"refreshToken": body["refreshToken"]})),
    "no refresh token": _spoilt("no refresh token", changing(lambda body: {"accessToken": body["accessToken"]})),
    "two access tokens": _spoilt(
        "one name twice, and parsers differ in which they take",
        rewriting(lambda body: b'{"accessToken": "eyJhbGciOiJub25lIn0.e30.",' + body.lstrip()[1:]),
    ),
    "null access token": _token("null for the access token", "accessToken", None),
    "null refresh token": _token("null for the refresh token", "refreshToken", None),
    "number for a token": _token("a number for the access token", "accessToken", 5),
    "true for a token": _token("true for the refresh token", "refreshToken", value=True),
    "list for a token": _token("a list for the access token", "accessToken", ["x"]),
    "object for a token": _token("an object for the refresh token", "refreshToken", {"value": "x"}),
    "empty access token": _token("an empty access token", "accessToken", ""),
    "empty refresh token": _token("an empty refresh token", "refreshToken", ""),
    "token with newline": _spoilt(
        "a newline after the access token",
        changing(lambda body: {**body, "accessToken": body["accessToken"] + "\n"}),
    ),
    "refresh token with newline": _spoilt(
        "a newline after the refresh token",
        changing(lambda body: {**body, "refreshToken": body["refreshToken"] + "\r\n"}),
    ),
    "token with space": _token("a space in the refresh token", "refreshToken", "a b"),
    "token with nul": _token("a NUL in the access token", "accessToken", "a\0b"),
    "token not ascii": _token("letters that no header can carry", "accessToken", "tøken"),
    "refresh token not ascii": _token("letters that no token has", "refreshToken", "tøken"),
    "token no unicode": _spoilt(
        "half of a surrogate pair", rewriting(lambda body: body.replace(b'"accessToken":"', b'"accessToken":"\\ud800'))
    ),
    "token too long": _token("an access token of 20,000 characters", "accessToken", "a" * 20_000),
    "refresh token too long": _token("a refresh token of 20,000 characters", "refreshToken", "r" * 20_000),
}
HARMLESS: Final = {
    "byte order mark": _harmless("a byte order mark before the JSON", rewriting(lambda body: b"\xef\xbb\xbf" + body)),
    "gzip unasked": _harmless("gzip, which no header accepts", rewriting(gzip.compress, **_ZIPPED)),
    "utf-16": _harmless("JSON in UTF-16", rewriting(lambda body: body.decode().encode("utf-16"))),
    "wrong type": _harmless("JSON, called text/html", rewriting(lambda body: body, content_type="text/html")),
    "wrong charset": _harmless(
        "JSON, called EBCDIC", rewriting(lambda body: body, content_type="application/json; charset=cp037")
    ),
    "more fields": _harmless("fields that the spec lacks", changing(lambda body: {**body, "expires_in": "soon"})),
    "not a number": _harmless(
        "NaN, which is no JSON, in a field of no concern", rewriting(lambda body: body[:-1] + b', "expires_in": NaN}')
    ),
}

FAULTS: Final[dict[str, Fault]] = {
    **NOT_SENT, **BROKEN, **TROUBLED, **BUSY, **MOVED, **REFUSED, **REFUSED_BY_OTHERS, **NO_ANSWERS, **SPOILT,
    **HARMLESS,
}  # fmt: skip
