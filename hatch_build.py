"""The wheel's description and its link to the docs: README.md without links that lead nowhere on an index's page.

SIGNEDIN_DOCS_URL, set when a release is built, is where that team serves its site (`make docs`).
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


def described(readme: str, docs_url: str | None) -> str:
    """Return the README with links to the pages of the site, and as text what the site does not have."""

    def link(match: "re.Match[str]") -> str:
        text, target = match[1], match[2]
        if "://" in target:
            return match[0]
        page = re.fullmatch(r"docs/(.+)\.md", target)
        return f"[{text}]({docs_url.rstrip('/')}/{page[1]}.html)" if docs_url and page else text

    without_pictures = re.sub(r"(?m)^(!\[[^\]]*\]\([^)]*\)|<img .*>)\n\n?", "", readme)
    return re.sub(r"\[([^\]]*)\]\(([^)\s]*)\)", link, without_pictures)


class Metadata(MetadataHookInterface):
    """Called by hatchling."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml calls dynamic."""
        docs_url = os.environ.get("SIGNEDIN_DOCS_URL")
        text = described(Path(self.root, "README.md").read_text("utf-8"), docs_url)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = {"Documentation": docs_url} if docs_url else {}
