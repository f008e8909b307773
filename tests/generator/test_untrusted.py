"""A spec is untrusted input: none of its strings runs, none decides where files go, none takes all time or memory.

The templates must hold by themselves: the texts are generated without the linter, which refuses many of them.
"""

import ast
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from generator.bounds import bounded
from generator.errors import GeneratorError, LimitError
from generator.lint import lint
from generator.package.generation import generate_package
from generator.spec.document import Document, load
from tests.generator.hostile import Case, Outcome, generate_all, import_all
from tests.generator.hostile_documents import documents
from tests.generator.hostile_texts import CHOOSY, SINKS, TEXTS, strings

pytestmark = pytest.mark.timeout(900)  # a child generates a hundred packages, beside whatever else runs
_TOO_LONG_FOR_A_FILE = {"long", "long escape"}


def cases() -> Iterator[Case]:
    """Yield each text in each sink, a document of its own: what stands once in a document is hit by every text, too."""
    for sink, spec in SINKS.items():
        for name, text in TEXTS.items():
            if sink == "strings" or name not in _TOO_LONG_FOR_A_FILE:
                yield Case(f"{name} as {sink}", json.dumps(spec(text)).encode(), templates_alone=True)


def test_no_text_in_any_sink_runs_or_leaves_the_folder(tmp_path: Path) -> None:
    outcomes = generate_all(tmp_path, list(cases()))
    assert [each for each in outcomes if each.refused is not None and not each.case.endswith(CHOOSY)] == []
    broken = import_all(tmp_path, outcomes)
    assert sum(each.refused is None for each in outcomes) - len(broken) >= 200
    # Without the linter some names yield a package that is no Python; with it they yield none.
    specs = {each.name: each.content for each in cases()}
    assert [name for name in broken if not refused_by_the_linter(tmp_path / "spec.json", specs[name])] == []


def refused_by_the_linter(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    return any(finding.is_error for finding in lint(load(path)))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What became of each hostile document, and of the packages of those that were let through."""
    folder = tmp_path_factory.mktemp("documents")
    outcomes = generate_all(folder, [Case(name, content, suffix) for name, suffix, content in documents()], seconds=4)
    import_all(folder, outcomes)
    return {each.case: each for each in outcomes}


@pytest.mark.parametrize("kind", ["$ref ", "tag !"])
def test_no_reference_or_tag_leads_out_of_the_document(judged: dict[str, Outcome], kind: str) -> None:
    let_through = [name for name, each in judged.items() if name.startswith(kind) and each.refused is None]
    assert let_through == []


@pytest.mark.parametrize(
    "name",
    ["aliases that multiply", "merges that multiply", "an alias to itself", "100,000 brackets of JSON", "UTF-16"],
)
def test_what_multiplies_or_is_no_text_is_refused(judged: dict[str, Outcome], name: str) -> None:
    assert judged[name].refused is not None


def test_printable_strings_arrive_unchanged(tmp_path: Path) -> None:
    text = "a\"b'c\\d{e}`f` \\n %s 🚫 \"\"\" '''"
    (tmp_path / "out").mkdir()
    generate_package(Document(tmp_path / "openapi.json", b"", strings(text)), tmp_path / "out" / "victim_sdk")
    code = (
        "import sys; sys.path.insert(0, 'out')\n"
        "from victim_sdk import contract, models\n"
        "r = contract.REFRESH\n"
        "unescaped = lambda place: place.name[1:].replace('~1', '/').replace('~0', '~')\n"
        "texts = [r.expired[0].values[0], unescaped(r.expired[0].place), r.scheme, r.grace.header]\n"
        "texts += [unescaped(r.request.refresh_token), unescaped(contract.REVOKE.request.refresh_token)]\n"
        "texts += [list(models.ThingChoice)[1].value]\n"
        "print(ascii(texts))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout)) == {text}


@pytest.mark.parametrize("place", [("dead",), ("expired", "status"), ("grace", "times"), ("grace", "seconds")])
def test_what_should_be_a_number_of_the_contract_and_is_a_text_is_not_generated(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    spec = strings("x")
    [(_, scheme)] = spec["components"]["securitySchemes"].items()
    *owners, key = place
    owner = scheme["x-signedin-refresh"]
    for each in owners:
        owner = owner[each]
    owner[key] = ["__import__('os')"] if key == "dead" else "__import__('os')"
    with suppress(GeneratorError, ValueError):
        generate_package(Document(tmp_path / "openapi.json", b"", spec), tmp_path / "victim_sdk")
    assert "__import__" not in "".join(path.read_text("utf-8") for path in tmp_path.rglob("contract.py"))


def never_ends() -> None:
    while True:
        with suppress(Exception):
            sum(range(1_000))


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_limit_of_time_is_told_and_no_handler_keeps_it() -> None:
    with pytest.raises(LimitError, match="takes longer than 1 seconds"), bounded(seconds=1, mebibytes=8_192):
        never_ends()


def test_a_limit_of_time_that_a_finalizer_swallows_is_told_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finalized:
        def __del__(self) -> None:
            busy(1.25)

    def swallowing() -> None:
        Finalized()
        never_ends()

    swallowed = list[str]()
    monkeypatch.setattr(sys, "unraisablehook", lambda each: swallowed.append(each.exc_type.__name__))
    with pytest.raises(LimitError, match="takes longer than 1 seconds"), bounded(seconds=1, mebibytes=8_192):
        swallowing()
    assert swallowed == ["_Rung"]


def test_what_cleans_up_when_time_is_over_may_finish() -> None:
    def cleaning() -> None:
        try:
            never_ends()
        finally:
            with suppress(KeyError):
                raise KeyError
            busy(1.25)
            done.append("cleaned")

    done = list[str]()
    with pytest.raises(LimitError, match="takes longer than 1 seconds"), bounded(seconds=1, mebibytes=8_192):
        cleaning()
    assert done == ["cleaned"]


NEVER_COMES_BACK = """
import collections, itertools
from generator import bounds

bounds._PATIENCE = 0
with bounds.bounded(seconds=1, mebibytes=8_192):
    collections.deque(itertools.repeat(None), maxlen=0)
"""


def test_what_never_comes_back_to_python_is_ended_by_the_kernel() -> None:
    done = subprocess.run([sys.executable, "-c", NEVER_COMES_BACK], timeout=60, check=False)
    assert done.returncode == -signal.SIGPROF


def test_the_limits_count_from_here_and_end_here() -> None:
    def limits() -> list[object]:
        handlers = map(signal.getsignal, (signal.SIGALRM, signal.SIGPROF))
        return [signal.getitimer(signal.ITIMER_PROF), resource.getrlimit(resource.RLIMIT_AS), *handlers]

    def failing() -> None:
        assert 14 < signal.getitimer(signal.ITIMER_PROF)[0] <= 15.1
        assert resource.getrlimit(resource.RLIMIT_CPU) == past  # it would count what ran before, by ticks
        assert limits() != before
        raise KeyError

    before = limits()
    past = resource.getrlimit(resource.RLIMIT_CPU)
    with pytest.raises(KeyError), bounded(seconds=10, mebibytes=8_192):
        failing()
    assert limits() == before


def test_a_limit_of_memory_is_told() -> None:
    with pytest.raises(LimitError, match="needs more than 8192 MiB"), bounded(seconds=60, mebibytes=8_192):
        bytearray(2**34)
