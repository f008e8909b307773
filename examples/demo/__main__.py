"""`python -m examples.demo`: parse, start what is needed, play the stages, print the counts, draw the picture."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from signedin import SignedInError

from examples.demo.backend import DemoError, ledger, reference_backend, since
from examples.demo.counts import Counts
from examples.demo.report import report
from examples.demo.run import Run
from examples.demo.scenario import STAGES, NotShown
from examples.demo.timeline import draw
from examples.demo.view import standard_output, view_for

if TYPE_CHECKING:
    from types import FrameType

_PICTURE = Path("build/demo/timeline.svg")


def main() -> int:
    """Run the demo; 0 if everything was as promised, 1 if not, 130 when interrupted."""
    options = _options()
    out = standard_output()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with ExitStack() as stack:
            return _demo(options, out, stack)
    except KeyboardInterrupt:
        print("\nInterrupted; everything that was started has been stopped.", file=out)
        return 130
    except (DemoError, SignedInError) as error:
        print(f"The demo failed: {type(error).__name__}: {error}", file=out)
        return 1


def _demo(options: argparse.Namespace, out: TextIO, stack: ExitStack) -> int:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signedin-demo-")))
    base_url = (options.backend or stack.enter_context(reference_backend(folder))).rstrip("/")
    before = ledger(base_url)
    run = Run(base_url, folder / "tokens.json", calls=options.calls, wait_for_expiry=options.wait_for_expiry)
    stack.enter_context(run.client)
    _play(run, out)
    run.lifetimes.settle()
    after = ledger(base_url) if before else {}
    draw(run, options.picture)
    return report(run, Counts.of_backend(since(before, after)) if after else None, options.picture, out)


def _play(run: Run, out: TextIO) -> None:
    print(f"signedin demo against {run.base_url}\n", file=out, flush=True)
    with view_for(out, len(STAGES), run.token) as run.view:
        for stage in STAGES:
            run.recorder.stage = stage.key
            run.view.begin(stage.title)
            try:
                run.view.end(stage.play(run))
            except NotShown as reason:
                run.view.end(f"not shown: {reason}", well=None)
            except (DemoError, SignedInError) as error:
                run.view.end(f"{type(error).__name__}: {error}", well=False)
                raise


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="Watch a user stay signed in.")
    parser.add_argument("--backend", metavar="URL", help="base URL of a backend that runs already")
    parser.add_argument("--wait-for-expiry", action="store_true", help="wait also for tokens that live for minutes")
    parser.add_argument("--calls", type=int, default=50, help="parallel calls of each colour (50)")
    parser.add_argument("--picture", type=Path, default=_PICTURE, help=f"where the timeline goes ({_PICTURE})")
    return parser.parse_args()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Once: a second Ctrl-C must not cut short the stopping of what was started.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
