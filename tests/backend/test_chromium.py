"""A page of another origin uses the backend from a real browser; one of a third origin gets nothing.

The `chromium` on the path is the distribution's: tests/system_packages.sh installs it.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.backend.running import at_once
from tests.servers import backend

PAGE = """<!doctype html><meta charset="utf-8"><pre id="done"></pre><script>
const api = "BASE_URL", steps = [];
async function call(method, path, body, bearer) {
  const type = body && {"Content-Type": "application/json"};
  const headers = {...type, ...(bearer && {Authorization: "Bearer " + bearer})};
  const answer = await fetch(api + path, {method, headers, body: body && JSON.stringify(body)});
  const text = await answer.text();
  steps.push([path, answer.status, answer.headers.get("X-Request-ID") !== null, answer.headers.get("Date") !== null]);
  return text ? JSON.parse(text) : {};
}
(async () => {
  try {
    const ada = {email: "ada@example.com", password: "correct horse battery staple"};
    let pair = await call("POST", "/auth/register", ada);
    await call("GET", "/users/profile", null, pair.accessToken);
    // Timers run ahead in a headless browser; requests do not.
    for (let late = {}; late.message !== "TokenExpiredError";) {
      if (steps.length > 2) steps.pop();
      late = await call("GET", "/users/profile", null, pair.accessToken);
    }
    pair = await call("POST", "/auth/refreshToken", {refreshToken: pair.refreshToken});
    await call("GET", "/users/profile", null, pair.accessToken);
    await call("POST", "/auth/logout", {refreshToken: pair.refreshToken});
    await call("GET", "/users/profile", null, pair.accessToken);
  } catch (error) { steps.push(String(error)); }
  document.getElementById("done").textContent = JSON.stringify(steps);
})();
</script>"""

EXPECTED = [
    ["/auth/register", 200, True, True],
    ["/users/profile", 200, True, True],
    ["/users/profile", 401, True, True],
    ["/auth/refreshToken", 200, True, True],
    ["/users/profile", 200, True, True],
    ["/auth/logout", 204, True, True],
    ["/users/profile", 401, True, True],
]


@contextmanager
def pages(page: list[str]) -> Iterator[int]:
    """Serve one page under every path of a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page[0].encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base has it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def shown(url: str, profile: Path) -> object:
    """Return what the page at this address has written when it is done."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
               "--virtual-time-budget=10000", "--dump-dom", url]  # fmt: skip
    document = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    done = re.search(r'<pre id="done">(.*?)</pre>', document, re.DOTALL)
    return json.loads(done[1].replace("&quot;", '"')) if done and done[1] else document


def test_a_page_of_an_allowed_origin_outlives_its_token_and_one_of_another_gets_nothing(tmp_path: Path) -> None:
    page = [""]
    with pages(page) as port:
        app, evil = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        # Long enough for a busy machine to use a token in, short enough to wait for its end.
        with backend(tmp_path, "--allow-origin", app, "--access-ttl", "4", checked=False) as server:
            page[0] = PAGE.replace("BASE_URL", server.base_url)
            results = at_once([partial(shown, app, tmp_path / "a"), partial(shown, evil, tmp_path / "b")])
    assert results == [EXPECTED, ["TypeError: Failed to fetch"]]
