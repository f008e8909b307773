"""docs/features.md says yes of signedin only where it names a test that is there."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "features.md"


def test_every_yes_of_ours_names_a_test_that_is_there() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        link = re.fullmatch(r"\[.+\]\((\S+\.py)#(test_\w+)\)", row[1])
        assert link, row
        assert f"def {link[2]}(" in (PAGE.parent / link[1]).read_text(encoding="utf-8"), row
