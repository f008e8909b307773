"""`python -m signedin_backend [serve | check | migrate]`: read the options, serve, stop gracefully."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from signedin_backend import logs, settings
from signedin_backend.app import BASE, create_app, settle
from signedin_backend.connections import ACCEPTED_AT_ONCE
from signedin_backend.protocol import Protocol
from signedin_backend.proxies import Proxies
from signedin_backend.settings import OPTIONS, PREFIX, Settings, SettingsError, StartError
from signedin_backend.state import State

_WAITING = 2048  # connections that the kernel keeps until they are accepted


class Server(uvicorn.Server):
    """Says where it listens once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the base URL for whoever started us with `--port 0`."""
        await super().startup(sockets)
        for bound in sockets or []:
            bound.listen(_WAITING)  # asyncio set it to what it accepts at once.
            host, port, *_ = bound.getsockname()
            sys.stdout.write(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}{BASE}\n")
            sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, or check, or migrate.

    Returns 2 for a refused option, and 3 for a database that cannot be used, as uvicorn has it.
    """
    logs.configure()
    try:
        options = vars(_parser().parse_args(arguments))
        verb = options.pop("verb")
        chosen = settings.read(os.environ, {name: text for name, text in options.items() if text is not None})
        app = create_app(chosen)
        with closing(State.of_app(app).storage) as storage:
            if verb == "serve":
                with _bind(chosen) as bound:
                    # Once more than the server does, so that whoever sits at the terminal reads one line.
                    storage.prepare()
                    settle()
                    _serve(_server(app, chosen), bound)
            else:
                if verb == "migrate":
                    storage.prepare()
                sys.stdout.write(f"the options are right, and the database has schema {storage.check()}\n")
    except (SettingsError, StartError) as error:
        sys.stderr.write(f"signedin_backend: {error}\n")
        return 2 if isinstance(error, SettingsError) else 3
    return 0


def _serve(server: Server, bound: socket.socket) -> None:
    # uvicorn stops gracefully and then raises the signal again; by then it has stopped already.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    server.run(sockets=[bound])


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="signedin_backend",
        description="The reference backend.",
        epilog=f"Every option is also read from the environment, as {PREFIX}NAME; the key of the access tokens, "
        f"{PREFIX}JWT_KEY, from there only.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"signedin_backend {version('signedin')}")
    parser.add_argument(
        "verb",
        nargs="?",
        type=_verb,
        metavar="serve | check | migrate",
        default="serve",
        help="serve (the default); check the options and the schema, and change no table; or only migrate the schema",
    )
    for option in OPTIONS:
        if option.metadata["secret"]:
            continue
        flag = f"--{option.name.replace('_', '-')}"
        text = f"{option.metadata['help']} (default: {settings.shown(option.default)})".replace("%", "%%")
        if isinstance(option.default, bool):
            parser.add_argument(flag, dest=option.name, action="store_const", const="true", help=text)
            parser.add_argument(f"--no{flag[1:]}", dest=option.name, action="store_const", const="false")
        else:
            parser.add_argument(flag, dest=option.name, help=text)
    return parser


def _verb(text: str) -> str:
    # argparse's own refusal would quote the text, which may be a key that somebody passed as an argument.
    if text not in {"serve", "check", "migrate"}:
        raise argparse.ArgumentTypeError("must be serve, check or migrate")
    return text


def _server(app: Starlette, chosen: Settings) -> Server:
    return Server(
        uvicorn.Config(
            Proxies(app, chosen.trusted_proxies) if chosen.trusted_proxies else app,
            http=Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # Longer than clients keep idle connections, so that none is closed under a request.
            timeout_keep_alive=75,
            backlog=ACCEPTED_AT_ONCE,
            timeout_graceful_shutdown=chosen.stop_seconds,
        )
    )


def _bind(chosen: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
        bound = socket.create_server((chosen.host, chosen.port), family=family, backlog=_WAITING)
    except OSError as error:
        raise SettingsError(f"--host {chosen.host} --port {chosen.port}: {error.strerror}") from None
    # Connections inherit it. asyncio sets it only on sockets whose protocol number is given, and without it Nagle and
    # delayed acknowledgements make 40 ms of every answer.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


if __name__ == "__main__":
    sys.exit(main())
