"""The watch over hostile specs sees what gets out: planted leaks, at the generation and at the import, each is told."""

import json
import shutil
from pathlib import Path

import pytest

from generator.package.generation import TEMPLATES
from tests.generator.hostile import Case, Outcome, generate_all, import_all
from tests.generator.hostile_texts import CANARY
from tests.generator.specs import minimal

pytestmark = pytest.mark.timeout(300)
# What Python tells its watchers of, and what it tells nobody of but leaves a file.
TOLD = f"os.system('touch {CANARY}')"
UNTOLD = f"os.mkfifo('{CANARY}')"
BEYOND = "os.mkfifo('../beyond')"


def leaking(folder: Path, line: str) -> Path:
    """Return our templates, one of them with a line more."""
    copy = Path(shutil.copytree(TEMPLATES, folder / "templates"))
    with (copy / "package_init.py.jinja").open("a") as template:
        template.write(f"\n{line}\n")
    return copy


def described(text: str) -> Case:
    spec = minimal()
    spec["info"]["title"] = text
    return Case("planted", json.dumps(spec).encode(), templates_alone=True)


@pytest.mark.parametrize(("leak", "seen"), [(TOLD, "os.system"), (UNTOLD, CANARY), (BEYOND, "beyond")])
def test_template_that_runs_code_is_noticed(tmp_path: Path, leak: str, seen: str) -> None:
    templates = leaking(tmp_path, f"{{{{ cycler.__init__.__globals__.{leak} }}}}")
    (tmp_path / "run").mkdir()
    with pytest.raises(AssertionError, match=seen):
        generate_all(tmp_path / "run", [described("x")], templates=templates)


def test_string_that_a_template_writes_as_it_is_is_noticed_when_it_runs(tmp_path: Path) -> None:
    templates = leaking(tmp_path, '"""{{ openapi.title.get_untrusted_value() }}"""')
    (tmp_path / "run").mkdir()
    outcomes = generate_all(tmp_path / "run", [described(f'"""\nimport os\n{TOLD}\n"""')], templates=templates)
    with pytest.raises(AssertionError, match=r"os\.system"):
        import_all(tmp_path / "run", outcomes)


@pytest.mark.parametrize(
    ("leak", "seen"),
    [
        (UNTOLD, CANARY),
        ("open('x', 'w')", "open"),
        ("__import__('math')", r"AssertionError: .*planted_sdk"),
    ],
)
def test_package_that_does_more_than_be_imported_is_noticed(tmp_path: Path, leak: str, seen: str) -> None:
    package = tmp_path / "sandbox" / "out" / "planted_sdk"
    for name, text in {
        "__init__": f"import os\n{leak}\n",
        "models": "",
        "resources": "class Resources:\n    def __init__(self, _): pass\n",
    }.items():
        path = package / "__init__.py" if name == "__init__" else package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with pytest.raises(AssertionError, match=seen):
        import_all(tmp_path, [Outcome("planted", package, None, 0)])
