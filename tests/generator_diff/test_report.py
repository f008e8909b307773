"""What is text of the changes: to a terminal, to a program, in a comment; the exit status and the next version."""

import json
from pathlib import Path

import pytest

from generator.cli import main
from generator.diff import Change, Level
from generator.diff.change import next_version
from generator.diff.compare import grouped, located
from generator.diff.report import FORMATS, Report
from generator.errors import GeneratorError
from generator.spec.document import load
from tests.generator_diff.specs import Spec, document, operation, spec

BREAKS = Change("api-removed-without-deprecation", Level.BREAKING, "getThing", "GET /things was removed")
ADDS = Change("endpoint-added", Level.MINOR, "addThing", "POST /things was added")
MENDS = Change("documentation-changed", Level.PATCH, "the document", "texts")
HOSTILE = "@team <img src=x> [a](https://evil.example) www.evil.example `x` | # *b* _i_ ~~s~~ $x$ &lt; \\ - item"


def _report(*changes: Change) -> Report:
    return Report(changes, "1.2.3")


def test_text_has_a_line_for_each_change_and_why_it_breaks() -> None:
    lines = FORMATS["text"](_report(BREAKS, ADDS, MENDS)).splitlines()
    assert lines == [
        "breaking [api-removed-without-deprecation] getThing: GET /things was removed",
        f"    why: {BREAKS.reason} do: {BREAKS.hint}",
        "minor [endpoint-added] addThing: POST /things was added",
        "patch [documentation-changed] the document: texts",
        "1 breaking, 1 minor, 1 patch; 1.2.3 -> 2.0.0 (it breaks)",
    ]


def test_json_says_the_level_the_versions_and_each_change() -> None:
    data = json.loads(FORMATS["json"](_report(BREAKS, ADDS)))
    assert (data["level"], data["current"], data["suggested"]) == ("breaking", "1.2.3", "2.0.0")
    assert data["changes"] == [
        {
            "rule": BREAKS.rule,
            "level": "breaking",
            "where": BREAKS.where,
            "message": BREAKS.message,
            "reason": BREAKS.reason,
            "hint": BREAKS.hint,
        },
        {"rule": ADDS.rule, "level": "minor", "where": ADDS.where, "message": ADDS.message},
    ]
    assert json.loads(FORMATS["json"](_report()))["level"] == "none"


def test_markdown_has_a_heading_for_each_level_that_occurs() -> None:
    lines = FORMATS["markdown"](_report(BREAKS, MENDS)).splitlines()
    assert lines == [
        "**What changes for users of the SDK:** 1 breaking, 0 minor, 1 patch; 1.2.3 -> 2.0.0 (it breaks)",
        *("", "### Breaking", ""),
        "- `getThing`: GET /things was removed (`api-removed-without-deprecation`)",
        f"  - Why: {BREAKS.reason} What to do: {BREAKS.hint}",
        *("", "### Patch", ""),
        "- `the document`: texts (`documentation-changed`)",
    ]


def test_what_follows_from_a_change_stands_beneath_it() -> None:
    same = Change("request-property-removed", Level.BREAKING, "components/schemas/T", "fullName was removed")
    other = Change("response-optional-property-removed", Level.BREAKING, same.where, same.message)
    shown = Change("python-api-changed", Level.BREAKING, "models.t.T.full_name", "public object was removed: full_name")
    lone = Change("python-api-changed", Level.BREAKING, "models.u.U.x", "public object was removed: x")
    assert [(each.rule, each.follows) for each in grouped([shown, ADDS, same, lone, other])] == [
        (same.rule, (other, shown)),
        (lone.rule, ()),
        (ADDS.rule, ()),
    ]
    [one] = grouped([same, shown])
    assert FORMATS["text"](_report(one)).splitlines()[2] == f"    so: [{shown.rule}] {shown.where}: {shown.message}"
    assert json.loads(FORMATS["json"](_report(one)))["changes"][0]["follows"][0]["where"] == shown.where
    assert f"  - So: `{shown.where}`" in FORMATS["markdown"](_report(one))


def test_what_raises_the_level_stands_beneath_nothing_milder() -> None:
    shown = Change(
        "python-api-changed", Level.BREAKING, "resources.t.add_thing", "public object was removed: add_thing"
    )
    assert [each.level for each in grouped([ADDS, shown])] == [Level.BREAKING, Level.MINOR]


@pytest.mark.parametrize("place", ["where", "message"])
def test_strangers_text_is_no_markup_in_the_comment(place: str) -> None:
    parts = {"where": "getThing", "message": "a text", place: HOSTILE}
    change = Change("endpoint-added", Level.MINOR, parts["where"], parts["message"])
    [*_, line] = FORMATS["markdown"](_report(change)).splitlines()
    inside = line.removeprefix("- `").removesuffix(" (`endpoint-added`)")
    if place == "where":  # in a span of code, which only a backtick ends
        assert inside.count("`") == 1
        return
    text = inside.removeprefix("getThing`: ")
    for markup in ("@team", "https://evil", "www.", "`"):
        assert markup not in text.replace("\\`", "")
    unescaped = [
        char for before, char in zip(f" {text}", text, strict=False) if before != "\\" and char in "<>[]|*_#~$&"
    ]
    assert unescaped == []


def test_controls_of_a_terminal_are_quoted() -> None:
    change = Change("endpoint-added", Level.MINOR, "\x1b[2J", "a\n- \u202e breaking [x] y: z")
    for form in ("text", "markdown"):
        text = FORMATS[form](_report(change))
        assert not {"\x1b", "\u202e"} & set(text)
        assert len([line for line in text.splitlines() if "breaking" in line and "endpoint-added" in line]) == 1


def _levels() -> dict[str, tuple[Spec, Spec]]:
    one, two = {"/a": {"get": operation("a")}}, {"/a": {"get": operation("a")}, "/b": {"get": operation("b")}}
    described = {"/a": {"get": operation("a", summary="A.")}}
    return {
        "none": (spec(one), spec(one)),
        "patch": (spec(one), spec(described)),
        "minor": (spec(one), spec(two)),
        "breaking": (spec(two), spec(one)),
    }


@pytest.mark.parametrize("level", ["none", "patch", "minor", "breaking"])
def test_exit_status_is_three_from_the_level_of_fail_on(
    level: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(document(tmp_path, name, each).path) for name, each in zip("ab", _levels()[level], strict=True)]
    order = ["none", "patch", "minor", "breaking"]
    for limit in ("never", "patch", "minor", "breaking"):
        status = main(["diff", *paths, "--specs-only", "--current", "1.0.0", "--fail-on", limit])
        assert status == (3 if limit != "never" and order.index(level) >= order.index(limit) else 0)
    capsys.readouterr()
    assert main(["diff", *paths, "--specs-only", "--current", "1.0.0", "--json", "--fail-on", "never"]) == 0
    assert json.loads(capsys.readouterr().out)["level"] == level


SHOP = """\
openapi: 3.1.0
info: {title: t, version: '1'}
paths:
  /things:
    get:
      operationId: getThing
      tags: [t]
      parameters:
        - {name: limit, in: query, schema: {type: integer}}
      responses:
        '200':
          description: x
          content: {application/json: {schema: {$ref: '#/components/schemas/T'}}}
components:
  schemas:
    T:
      type: object
      properties:
        a: {type: string}
        b: {type: string}
"""


def test_change_has_the_line_of_its_place_or_of_what_is_around_it(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SHOP)
    lines = {
        "getThing": 5,
        "getThing/limit": 9,
        "getThing/200": 11,
        "getThing/200/gone": 11,
        "components/schemas/T": 16,
        "components/schemas/T/b": 20,
        "components/schemas/Gone": 15,
        "gone": None,
    }
    changed = located([Change("x", Level.MINOR, where, "") for where in lines], load(tmp_path / "shop.yaml"))
    assert {each.where: each.line for each in changed} == lines


def test_ignored_change_is_counted_and_an_idle_entry_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.yaml").write_text(SHOP)
    (tmp_path / "new.yaml").write_text(SHOP.replace("        b: {type: string}\n", ""))
    ignore = tmp_path / "ignored"
    command = ["diff", *(str(tmp_path / f"{name}.yaml") for name in ("old", "new"))]
    command += ["--specs-only", "--current", "1.0.0", "--ignore", str(ignore)]
    entry = "response-optional-property-removed components/schemas/T"
    ignore.write_text(f"# ours\n\n{entry} # nobody reads it\napi-removed x # since 1.0\n")
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert out == "0 breaking, 0 minor, 0 patch, 1 ignored; 1.0.0 -> 1.0.0 (nothing changed)\n"
    assert err == f"{ignore}:4: nothing to ignore: api-removed x\n"
    ignore.write_text(f"{entry}\n")
    assert main(command) == 1
    assert f"{ignore}:1: an entry is RULE WHERE # REASON" in capsys.readouterr().err


def test_leave_out_compares_what_can_be_generated_of_specs_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nameless = SHOP.replace("      operationId: getThing\n", "")
    (tmp_path / "old.yaml").write_text(nameless)
    (tmp_path / "new.yaml").write_text(nameless.replace("limit", "most"))
    command = ["diff", *(str(tmp_path / f"{name}.yaml") for name in ("old", "new")), "--specs-only"]
    assert main(command) == 1
    assert "has no operationId" in capsys.readouterr().err
    assert main([*command, "--leave-out"]) == 3
    assert "new.yaml:5: breaking [request-parameter-removed]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("current", "none", "patch", "minor", "breaking"),
    [("1.2.3", "1.2.3", "1.2.4", "1.3.0", "2.0.0"), ("0.2.3", "0.2.3", "0.2.4", "0.2.4", "0.3.0")],
)
def test_next_version_promises_what_it_keeps(current: str, none: str, patch: str, minor: str, breaking: str) -> None:
    assert [next_version(current, level) for level in Level] == [none, patch, minor, breaking]


@pytest.mark.parametrize("current", ["1.2", "v1.2.3", "1.2.3rc1", ""])
def test_version_of_another_form_is_refused(current: str) -> None:
    with pytest.raises(GeneratorError, match="no version of three numbers"):
        next_version(current, Level.NONE)
