"""The demo: what it promises, what it leaves behind, and that it notices broken promises."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from examples.demo.counts import Counts, disagreements
from examples.demo.wire import Recorder
from tests.examples.conftest import ROOT, Program

GOOD = Counts(expiries=3, refreshes=3, reused=0, wasted=2, errors=0, profiles=9)


def test_the_demo_keeps_its_promises_and_draws_them(program: Program, tmp_path: Path) -> None:
    picture = tmp_path / "timeline.svg"
    done = program("-m", "examples.demo", "--calls", "12", "--picture", str(picture))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.search(r"reused tokens +- +0\n", done.stdout)
    assert re.search(r"errors +0 +0\n", done.stdout)
    assert "NotSignedInError" in done.stdout
    assert "\x1b" not in done.stdout
    assert ET.parse(picture).getroot().tag.endswith("svg")


def test_against_a_foreign_backend_it_waits_for_nothing_and_says_so(
    program: Program, base_url: str, tmp_path: Path
) -> None:
    picture = str(tmp_path / "timeline.svg")
    done = program("-m", "examples.demo", "--calls", "5", "--backend", base_url, "--picture", picture)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "20 calls, 1 refresh, 0 refused" in done.stdout  # of two processes whose clocks were moved alike
    assert "the client's clock was moved" in done.stdout
    assert "not shown: the token must really expire" in done.stdout
    assert "keeps no ledger" in done.stdout


def test_an_unreachable_backend_ends_the_demo_with_words(program: Program) -> None:
    done = program("-m", "examples.demo", "--backend", "http://127.0.0.1:9/api/v1")
    assert (done.returncode, done.stderr) == (1, "")
    assert "could not connect to 127.0.0.1:9" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_what_it_started(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "examples.demo"]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        base_url = re.search(r"against (\S+)", demo.stdout.readline())
        assert base_url is not None
        while not demo.stdout.readline().startswith("[3/8]"):
            assert demo.poll() is None
        demo.send_signal(number)
        output = demo.stdout.read()
        assert demo.wait(30) == 130
    assert "has been stopped" in output
    with pytest.raises(httpx.ConnectError):
        httpx.get(base_url[1])


def test_a_run_as_promised_has_no_complaints() -> None:
    assert GOOD.complaints() == []
    assert disagreements(GOOD, GOOD) == []


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [
        (Counts(3, 4, 0, 0, 0, 9), "3 tokens were used up, but 4 refreshes were made"),
        (Counts(3, 3, 1, 0, 0, 9), "1 refresh tokens were presented twice"),
        (Counts(3, 3, 0, 0, 2, 9), "2 requests failed"),
    ],
)
def test_a_broken_promise_is_shown(counts: Counts, complaint: str) -> None:
    assert counts.complaints() == [complaint]


def test_two_sides_that_disagree_are_shown() -> None:
    assert disagreements(GOOD, Counts(3, 3, 0, 2, 0, 8)) == ["profiles: the client says 9, the backend 8"]


def test_a_failed_call_counts_as_an_error() -> None:
    recorder = Recorder()
    with pytest.raises(ValueError, match="no"), recorder.call("group", "0"):
        raise ValueError("no")
    assert Counts.of_client(recorder.spans, expiries=0).errors == 1


def test_a_request_after_a_refusal_in_the_same_call_is_a_replay() -> None:
    recorder = Recorder()
    for lane, statuses in (("0", (401, 200)), ("1", (200,))):
        with recorder.call("group", lane):
            for status in statuses:
                recorder.exchange("/users/profile", 0.0, status)
    assert [span.kind for span in recorder.spans if span.kind != "call"] == ["refused", "replay", "request"]
