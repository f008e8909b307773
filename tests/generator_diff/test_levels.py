"""Labelled edits of one schema, in a request and in an answer: the level, the rule, the reason."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from generator.diff import Change, Level
from generator.diff.change import OTHER, highest
from tests.generator_diff.specs import answered, changes, sent

ROWS: Final[list[list[Any]]] = yaml.safe_load(Path(__file__).with_name("levels.yaml").read_text("utf-8"))


def _rules(changed: list[Change], level: Level) -> list[str]:
    return [change.rule for change in changed if change.level is level]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_edit_has_its_level_in_each_direction_and_says_why_it_breaks(row: list[Any], tmp_path: Path) -> None:
    _, in_request, in_answer, rule, old, new = row
    for side, make, wanted in (("request", sent, in_request), ("response", answered, in_answer)):
        changed = changes(tmp_path, make(old), make(new))
        assert highest(changed).name.lower() == wanted, changed
        assert [each for each in changed if bool(each.reason and each.hint) != (each.level is Level.BREAKING)] == []
        assert OTHER not in {(each.reason, each.hint) for each in changed}
        if rule and _rules(changed, highest(changed)) != ["documentation-changed"]:
            assert any(each.startswith(side) and each.endswith(rule) for each in _rules(changed, highest(changed))), (
                changed
            )
        elif not rule:
            assert [each.rule for each in changed] == ["documentation-changed"]
