"""What `make bench` measures of signedin alone: expiries, what is switched off, starts, imports, sizes, an outage."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import subprocess
import sys
import time
import tracemalloc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from signedin import AsyncClient, Client, SignedInError, TokenPair
from signedin.testing import VirtualClock

from benchmarks.canned import OLD_TOKEN, TOKEN
from benchmarks.children import with_bytecode
from benchmarks.generator.large import large
from benchmarks.peers import signed_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROOT: Final = Path(__file__).parents[1]
_CROWD: Final = 50


# ------------------------------------------------------------------------------------------------------------ expiries


def _expired(*, by_exp: bool) -> TokenPair:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) - 60}).encode()).rstrip(b"=").decode()
    return TokenPair(f"e30.{claims}.c2ln" if by_exp else OLD_TOKEN, "r")


async def _wall(call: Callable[[], Awaitable[object]], times: int = 1) -> float:
    gc.collect()
    begun = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(times)))
    return time.perf_counter() - begun


def expiry(url: str, *, by_exp: bool, turns: int = 9) -> float:
    """Wall of 50 calls that meet an expiry ÷ (a refresh alone + the batches that it takes); the least of some turns."""

    async def measure() -> float:
        async with AsyncClient(url) as client:
            call = client.users.get_profile
            met, batch, refresh = [], [], []
            for _ in range(turns):
                client.session.sign_in(TokenPair(TOKEN, "r"))
                await _wall(call, _CROWD)
                batch.append(await _wall(call, _CROWD))
                refresh.append(await _wall(client.session.arefresh))
                client.session.sign_in(_expired(by_exp=by_exp))
                met.append(await _wall(call, _CROWD))
            return min(met) / (min(refresh) + (1 if by_exp else 2) * min(batch))

    return asyncio.run(measure())


# ------------------------------------------------------------------------------------------------------- switched off


def switched_off(url: str, *, calls: int = 200) -> float:
    """CPU of a call as it is ÷ one without logging, OpenTelemetry's hook and retries."""
    with signed_in(Client(url)) as client:
        without = client.with_options(max_retries=0)
        spent = {client: 0.0, without: 0.0}
        for turn in range(11):
            for each in (client, without) if turn % 2 else (without, client):
                logging.disable(logging.CRITICAL if each is without else logging.NOTSET)
                begun = time.process_time()
                for _ in range(calls):
                    each.users.get_profile()
                spent[each] += time.process_time() - begun if turn else 0.0
        logging.disable(logging.NOTSET)
        return spent[client] / spent[without]


def view_microseconds(url: str, *, calls: int = 2000) -> float:
    """CPU of `with_options`."""
    with signed_in(Client(url)) as client:
        begun = time.process_time()
        for _ in range(calls):
            client.with_options(timeout=2)
        return (time.process_time() - begun) / calls * 1e6


def view_bytes(url: str, *, views: int = 1000) -> float:
    """Memory of a view, in bytes."""
    with signed_in(Client(url)) as client:
        client.with_options(timeout=2)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        held = [client.with_options(timeout=2) for _ in range(views)]
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return grown / len(held)


def outage(_: str, *, calls: int = 500) -> float:
    """Requests ÷ calls while the server answers 503."""
    sent = []

    def down(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        return httpx.Response(503)

    with signed_in(Client("https://api.test", transport=httpx.MockTransport(down), clock=VirtualClock())) as client:
        for _call in range(calls):
            try:
                client.users.get_profile()
            except SignedInError:
                continue
    return len(sent) / calls


def ten_thousand(url: str) -> float:
    """Tasks of 10,000 on one client that were answered, less one for each connection that is left."""

    async def measure() -> float:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        async with signed_in(AsyncClient(url, timeout=httpx.Timeout(60, pool=None))) as client:
            profiles = await asyncio.gather(
                *(client.users.get_profile() for _ in range(10_000)), return_exceptions=True
            )
            answered = sum(not isinstance(profile, BaseException) for profile in profiles)
        await asyncio.sleep(0.1)
        return answered - (len(os.listdir("/proc/self/fd")) - before)  # noqa: PTH208

    return asyncio.run(measure())


# ------------------------------------------------------------------------------------------------ processes and files

_NO_CLICK: Final = "import sys, time; sys.modules['click'] = None; begun = time.process_time();"  # httpx's command line
_ANSWER: Final = (
    "from signedin import Client, TokenPair; client = Client({url!r}); "
    "client.session.sign_in(TokenPair({token!r}, 'r')); client.users.get_profile()"
)
_BARE: Final = (
    "import httpx; httpx.Client(headers={{'authorization': 'Bearer ' + {token!r}}}).get({url!r} + '/users').json()"
)


def _seconds(program: str, path: str = "") -> float:
    """Return the processor time of a child, without the interpreter's start."""
    code = f"{_NO_CLICK}{program}; print(time.process_time() - begun)"
    environment = with_bytecode(PYTHONPATH=path) if path else with_bytecode()
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(run.stdout)


def _in_pairs(one: Callable[[], float], other: Callable[[], float], pairs: int = 5) -> float:
    turns = [(one(), other()) for _ in range(pairs)]
    return min(first for first, _ in turns) / min(second for _, second in turns)


def importing(_: str) -> float:
    return _in_pairs(partial(_seconds, "import signedin"), partial(_seconds, "import httpx"))


def first_answer(url: str) -> float:
    ours, bare = (program.format(url=url, token=TOKEN) for program in (_ANSWER, _BARE))
    return _in_pairs(partial(_seconds, ours), partial(_seconds, bare))


def one_of_many(_: str, *, folder: str) -> float:
    """Import of one operation of a package with 1,000 ÷ of one with 10."""
    many, few = (
        f"import httpx; begun = time.process_time(); import many{n}_sdk.api.group0.put_thing_0" for n in (1000, 10)
    )
    return _in_pairs(partial(_seconds, many, folder), partial(_seconds, few, folder))


def packages(folder: str) -> None:
    """Generate what is compared: two packages of ours, and the bare generator's of our spec."""
    environment = with_bytecode(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    bare = ["openapi-python-client", "generate", "--path", "openapi.yaml", "--meta=none", "--output-path"]
    subprocess.run([*bare, f"{folder}/bare_sdk"], cwd=ROOT, env=environment, check=True, capture_output=True)
    for count in (10, 1000):
        spec, output = Path(folder, f"many{count}.json"), f"{folder}/many{count}_sdk"
        spec.write_text(json.dumps(large(count)))
        command = [sys.executable, "-m", "generator", "generate", "--no-trial", "--spec", str(spec), "--output", output]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def module_lines(_: str) -> float:
    """Lines of an operation's module, on average."""
    modules = [file for file in (ROOT / "sdk/signedin_sdk/api").glob("*/*.py") if file.name != "__init__.py"]
    return sum(len(file.read_text().splitlines()) for file in modules) / len(modules)


def resource_lines(_: str) -> float:
    """Lines of resources for an operation, on average."""
    resources = [file for file in (ROOT / "sdk/signedin_sdk/resources").glob("*.py") if file.name != "__init__.py"]
    operations = len(list((ROOT / "sdk/signedin_sdk/api").glob("*/[!_]*.py")))
    return sum(len(file.read_text().splitlines()) for file in resources) / operations
