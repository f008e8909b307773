"""docs/when-the-spec-changes.md shows what the commands really say."""

import pytest

from tests.generator.page import PAGE, rewritten


@pytest.mark.usefixtures("types_cache")
@pytest.mark.timeout(600)  # it generates and type-checks a package
def test_the_page_shows_what_the_commands_say() -> None:
    committed = PAGE.read_text("utf-8")
    assert rewritten(committed) == committed, "run: make pages"
