"""A picture of rectangles, lines and words, written as SVG; no drawing library."""

from __future__ import annotations

from html import escape
from typing import Final, Literal

Ink = Literal["wait", "request", "refused", "replay", "refresh", "token"]
Anchor = Literal["start", "middle", "end"]
_INKS: Final[dict[str, tuple[str, str]]] = {  # in the light, in the dark
    "paper": ("#ffffff", "#0d1117"),
    "panel": ("#f6f8fa", "#161b22"),
    "wait": ("#d0d7de", "#30363d"),
    "request": ("#0969da", "#58a6ff"),
    "refused": ("#cf222e", "#ff7b72"),
    "replay": ("#1a7f37", "#3fb950"),
    "refresh": ("#8250df", "#d2a8ff"),
    "token": ("#d4a72c", "#9e6a03"),
    "strong": ("#1f2328", "#f0f6fc"),
    "plain": ("#59636e", "#9198a1"),
}


class Picture:
    """Takes shapes in the order in which they cover each other; lengths in pixels."""

    def __init__(self, width: float, title: str) -> None:
        self._width, self._title = width, title
        self._parts: list[str] = []
        self.height = 0.0

    def box(self, x: float, y: float, width: float, height: float, ink: str, *, round_: float = 0.0) -> None:
        """Fill a rectangle; a thin one stays visible."""
        corner = f' rx="{round_:g}"' if round_ else ""
        self._add(
            f'<rect class="{ink}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.8):.1f}" height="{height:.1f}"{corner}/>'
        )

    def line(self, start: tuple[float, float], end: tuple[float, float], ink: str, *, dashed: bool = False) -> None:
        """Draw a hair line."""
        (x1, y1), (x2, y2) = start, end
        dash = ' stroke-dasharray="2 3"' if dashed else ""
        self._add(f'<line class="{ink}-line" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{dash}/>')

    def text(
        self, x: float, y: float, words: str, ink: str = "plain", *, size: int = 13, anchor: Anchor = "start"
    ) -> None:
        """Write words on the base line `y`."""
        weight = ' font-weight="600"' if ink == "strong" else ""
        self._add(
            f'<text class="{ink}" x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}>'
            f"{escape(words)}</text>"
        )

    def svg(self) -> str:
        """Return the picture, in light and dark."""
        size = f'width="{self._width:g}" height="{self.height:g}" viewBox="0 0 {self._width:g} {self.height:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONTS}">'
        paper = '<rect class="paper" width="100%" height="100%" rx="8"/>'
        style = f"<style>{_rules(0)}@media (prefers-color-scheme:dark){{{_rules(1)}}}</style>"
        return "\n".join([head, f"<title>{escape(self._title)}</title>", style, paper, *self._parts, "</svg>", ""])

    def _add(self, part: str) -> None:
        self._parts.append(part)


_FONTS: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def _rules(shade: int) -> str:
    return "".join(f".{ink}{{fill:{both[shade]}}}.{ink}-line{{stroke:{both[shade]}}}" for ink, both in _INKS.items())
