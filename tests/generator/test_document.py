"""What cannot be read is told in one paragraph, whatever it is."""

from pathlib import Path

import pytest

from generator.cli import main
from generator.errors import SpecError
from generator.spec.document import load

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

UNREADABLE = {
    "no mapping": "- a\n",
    "empty": "",
    "broken": "a: [\n",
    "tab": "a:\n\tb: 1\n",
    "duplicate key": "a: 1\na: 2\n",
    "unknown tag": "a: !!python/object/apply:os.system ['touch canary']\n",
    "set": "a: !!set {b, c}\n",
    "binary": "a: !!binary aGk=\n",
    "recursive": "a: &a\n  b: *a\n",
    "bomb": BOMB,
    "deep": "[" * 1000 + "]" * 1000,
    "deeper than any spec": "a: " + "[" * 150 + "]" * 150,
    "odd key": "? [a, b]\n: 1\n",
    "boolean key": "true: 1\n",
    "no YAML characters": "a: \x07\n",
    "two documents": "a: 1\n---\nb: 2\n",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_told_in_one_paragraph(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["lint", "--spec", str(path)]) == 1
    message = capsys.readouterr().err.strip()
    assert message.startswith(f"generator: {path}: ")
    assert "Traceback" not in message
    assert "\n\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', "[]", '{"a": NaN}x'])
def test_json_that_cannot_be_read_is_told_too(text: str, tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"openapi\.json: "):
        load(path)


def test_a_missing_file_a_folder_and_other_bytes_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    for name, message in (("none.yaml", "cannot be read"), (".", "cannot be read"), ("latin.yaml", "is not UTF-8")):
        with pytest.raises(SpecError, match=message):
            load(tmp_path / name)


def test_json_with_tabs_has_lines(tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    path.write_text('{\n\t"a": {\n\t\t"b": "\\ud83d\\udeab"\n\t}\n}\n', encoding="utf-8")
    document = load(path)
    assert document.data == {"a": {"b": "🚫"}}
    assert (document.line(("a", "b")), document.line(("a", "c")), document.line(())) == (3, 2, 1)


def test_yaml_is_read_as_json_would_be(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text("200: 2026-01-02\nb: &b {c: yes}\nd: *b\n", encoding="utf-8")
    document = load(path)
    assert document.data == {"200": "2026-01-02", "b": {"c": "yes"}, "d": {"c": "yes"}}
    assert document.line(("200",)) == 1


def test_references_are_followed_within_the_document_only(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text("a~b/c: {d: [{$ref: '#/e'}]}\ne: {$ref: '#/e'}\nf: 1\n", encoding="utf-8")
    document = load(path)
    assert document.resolve({"$ref": "#/f"}) == 1
    assert document.resolve({"$ref": "#/a~0b~1c/d/0"}) is None
    assert document.resolve({"$ref": "other.yaml#/f"}) is None
    assert document.resolve({"$ref": "f"}) is None  # a file of that name


def test_dates_are_texts_and_ranges_of_statuses_are_written_in_one_way(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text("paths: {/a: {get: {responses: {4xx: {x-day: 2026-02-30}}}}}\n", encoding="utf-8")
    assert load(path).data["paths"]["/a"]["get"]["responses"] == {"4XX": {"x-day": "2026-02-30"}}
