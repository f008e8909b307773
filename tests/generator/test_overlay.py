"""Overlays: a spec of somebody else's, changed without being edited, and findings that name the overlay."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.cli import main
from generator.diff.source import opened
from generator.errors import SpecError
from generator.lint import lint
from generator.package.provenance import read_provenance, write_provenance
from generator.pipeline import Request
from generator.spec.document import Document, load
from generator.spec.overlay import overlaid
from tests.generator.specs import as_json, minimal

HEAD = 'overlay: 1.0.0\ninfo: {title: login, version: "1"}\nactions:\n'


def spec(tmp_path: Path) -> Document:
    path = tmp_path / "openapi.json"
    path.write_text(as_json(minimal()), encoding="utf-8")
    return load(path)


def overlay(tmp_path: Path, actions: str, name: str = "login.overlay.yaml", head: str = HEAD) -> Path:
    path = tmp_path / name
    path.write_text(head + actions, encoding="utf-8")
    return path


THINGS = ("paths", "/things", "get")
PNG = (*THINGS, "responses", "404", "content", "image/png", "schema")
ACTIONS: list[tuple[str, tuple[str, ...], Any]] = [
    ("- {target: $.info, update: {title: mine}}", ("info", "title"), "mine"),
    ("- {target: $, update: {info: {contact: {name: a}}}}", ("info", "contact"), {"name": "a"}),
    ("- {target: $, update: {info: {contact: {name: a}}}}", ("info", "title"), "minimal"),
    ("- {target: $.servers, update: {url: https://b.example}}", ("servers", "1", "url"), "https://b.example"),
    ("- {target: $.paths.*.get, update: {tags: [more]}}", (*THINGS, "tags"), ["things", "more"]),
    ("- {target: \"$.paths['/things'].get\", update: {'x-a': {b: c}}}", (*THINGS, "x-a"), {"b": "c"}),
    ("- {target: \"$.paths[*][?@.tags[0]=='things']\", update: {summary: All.}}", (*THINGS, "summary"), "All."),
    (
        "- {target: $.paths.*.get, update: {responses: {'404': {content: {image/png: {}}}}}}",
        PNG,
        {"type": "string", "format": "binary"},
    ),
    ("- {target: $.components.schemas.Thing, remove: true}", ("components", "schemas"), {}),
    ("- {target: '$.servers[?@.url]', remove: true}", ("servers",), []),
    ("- {target: $.info, remove: false, update: {title: mine}}", ("info", "title"), "mine"),
    ("- {target: $.info, remove: true, update: {a: b}}\n- {target: $, update: {info: {}}}", ("info",), {}),
]


@pytest.mark.parametrize(("actions", "pointer", "expected"), ACTIONS)
def test_an_action_changes_what_its_target_selects(
    actions: str, pointer: tuple[str, ...], expected: Any, tmp_path: Path
) -> None:
    before = spec(tmp_path)
    document = overlaid(before, [overlay(tmp_path, actions)])
    assert document.at(pointer) == expected
    assert before.data == minimal()


def test_items_of_one_list_are_removed_without_moving_one_another(tmp_path: Path) -> None:
    actions = "- {target: $.info, update: {a: [{n: 0}, {n: 1}, {n: 2}]}}\n- {target: '$.info.a[0, 2, 0]', remove: true}"
    document = overlaid(spec(tmp_path), [overlay(tmp_path, actions)])
    assert document.at(("info", "a")) == [{"n": 1}]


def test_nodes_that_one_action_updates_share_nothing(tmp_path: Path) -> None:
    actions = "- {target: '$.paths.*.get.responses', update: {'401': {description: No.}}}\n"
    data = minimal()
    data["paths"]["/other"] = {"get": {**data["paths"]["/things"]["get"], "operationId": "other"}}
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    document = overlaid(load(path), [overlay(tmp_path, actions)])
    one, other = (document.at(("paths", each, "get", "responses", "401")) for each in ("/things", "/other"))
    assert one == other == {"description": "No."}
    assert one is not other


REFUSED = [
    ("- {update: {}}", HEAD, "login.overlay.yaml:4: has an action without a target"),
    ("- {target: $.info, update: {}}", HEAD.replace("1.0", "2.0"), "yaml:1: is no overlay of version 1.0"),
    ("- {target: $.info, update: {}}", "actions:\n", "is no overlay of version 1.0"),
    ("  {}", HEAD, "login.overlay.yaml:3: has no list of actions"),
    ("- {target: 'paths[', update: {}}", HEAD, "login.overlay.yaml:4: has a target that is no JSONPath (RFC 9535)"),
    ("- {target: $.info, copy: $.paths}", HEAD, "has an action with the unknown field 'copy'"),
    ("- {target: $.info}", HEAD, "has an action that neither updates nor removes"),
    ("- {target: $.info, remove: 1}", HEAD, "has a remove that is neither true nor false"),
    ("- {target: $.info.title, update: a}", HEAD, "selects 'info/title', which is no object and no array"),
    ("- {target: $.info, update: a}", HEAD, "updates the object 'info' with what is no object"),
    ("- {target: $, remove: true}", HEAD, "removes the whole document"),
    ("- {target: $, update: !!python/object:os.system {}}", HEAD, "line 4"),
    ("", "a\n", "holds no overlay, its top level is no mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("actions", "head", "message"), REFUSED)
def test_an_overlay_that_cannot_be_carried_out_is_refused_with_its_line(
    actions: str, head: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as refused:
        overlaid(spec(tmp_path), [overlay(tmp_path, actions, head=head)])
    assert message in str(refused.value)


def test_a_finding_in_an_overlaid_part_names_the_overlay_and_its_line(tmp_path: Path) -> None:
    actions = "- target: $.paths['/things'].get\n  update:\n    x-signedin-tokens:\n      effect: eats\n"
    document = overlaid(spec(tmp_path), [overlay(tmp_path, actions)])
    [finding] = [each for each in lint(document) if each.is_error]
    assert finding.text(document.path).startswith(f"{tmp_path}/login.overlay.yaml:6: error [tokens-effect] ")
    assert lint(document.changed(document.data)) == lint(document)


def test_a_finding_elsewhere_names_the_spec(tmp_path: Path) -> None:
    document = overlaid(spec(tmp_path), [overlay(tmp_path, "- {target: '$.servers[0]', remove: true}")])
    [finding] = lint(document)
    assert finding.text(document.path).startswith(f"{tmp_path}/openapi.json:")


def test_an_action_that_selects_nothing_is_a_warning(tmp_path: Path) -> None:
    document = overlaid(spec(tmp_path), [overlay(tmp_path, "- {target: $.paths.nothing, update: {}}\n")])
    [finding] = lint(document)
    assert (finding.rule, finding.is_error) == ("overlay", False)
    text = f"{tmp_path}/login.overlay.yaml:4: warning [overlay] The target '$.paths.nothing' selects nothing."
    assert finding.text(document.path).startswith(text)


def test_overlays_are_applied_in_their_order_and_before_references_are_followed(tmp_path: Path) -> None:
    (tmp_path / "parts.yaml").write_text("Label: {type: string}\n", encoding="utf-8")
    property_ = "$.components.schemas.Thing.properties"
    first = overlay(tmp_path, f"- {{target: {property_}, update: {{label: {{$ref: 'parts.yaml#/Label'}}}}}}", "a.yaml")
    second = overlay(tmp_path, "- {target: $.info, update: {title: second}}", "b.yaml")
    document = Request(spec(tmp_path).path, tmp_path, allow_refs=tmp_path, overlays=(first, second)).read()
    assert document.at(("info", "title")) == "second"
    assert document.at(("components", "schemas", "Label")) == {"type": "string"}
    write_provenance(document, tmp_path)
    recorded = read_provenance(tmp_path)["spec"]
    assert [each["name"] for each in recorded["overlays"]] == ["a.yaml", "b.yaml"]
    assert len({each["sha256"] for each in recorded["overlays"]} | {recorded["sha256"]}) == 3
    assert str(tmp_path) not in json.dumps(recorded)


def test_the_verbs_take_overlays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, change = spec(tmp_path).path, overlay(tmp_path, "- {target: $.info, update: {version: '2'}}")
    idle = overlay(tmp_path, "- {target: $.nothing, update: {}}", "idle.yaml")
    assert main(["lint", "--spec", str(path), "--overlay", str(change), "--overlay", str(idle)]) == 0
    assert "idle.yaml:4: warning [overlay]" in capsys.readouterr().out
    both = [str(path), str(path), "--overlay", str(change), "--specs-only"]
    assert main(["diff", *both]) == 0
    assert main(["lint", "--spec", str(path), "--overlay", str(tmp_path / "absent.yaml")]) == 1
    assert "absent.yaml: cannot be read" in capsys.readouterr().err


def test_the_overlay_of_a_revision_is_that_revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = {
        ("r1", "openapi.yaml"): yaml.safe_dump(minimal()).encode(),
        ("r1", "o.yaml"): (HEAD + "- {target: $.info, update: {title: old}}").encode(),
    }

    def committed(revision: str, name: str, _: Path) -> bytes:
        if (revision, name) not in commits:
            raise SpecError("absent")
        return commits[revision, name]

    monkeypatch.setattr("generator.diff.source.committed", committed)
    now = overlay(tmp_path, "- {target: $.info, update: {title: new}}", "o.yaml")
    added = overlay(tmp_path, "- {target: $.info, update: {version: '9'}}", "added.yaml")
    with opened("git:r1", root=tmp_path, overlays=[now, added]) as document:
        assert document.at(("info",)) == {"title": "old", "version": "1"}
