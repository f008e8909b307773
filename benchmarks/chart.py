"""A chart of bars as SVG, legible on a phone and in a dark theme."""

from __future__ import annotations

from html import escape

_WIDTH, _LINE, _LEFT = 400, 24, 190


def bars(series: dict[str, dict[str, float]]) -> str:
    """Return a chart with a group of bars for each title; a bar has its name and its value."""
    longest = max(value for values in series.values() for value in values.values())
    parts, y = [], 0
    for title, values in series.items():
        y += _LINE + 8
        parts.append(f'<text x="0" y="{y - 10}" font-weight="bold">{escape(title)}</text>')
        for name, value in sorted(values.items(), key=lambda item: item[1]):
            width = max(1.0, (_WIDTH - _LEFT - 44) * value / longest)
            kind = "ours" if name.startswith("signedin") else "theirs"
            parts.append(
                f'<text x="{_LEFT - 6}" y="{y + 14}" text-anchor="end">{escape(name.replace("`", ""))}</text>'
                f'<rect class="{kind}" x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="16"/>'
                f'<text x="{_LEFT + width + 5:.1f}" y="{y + 14}">{value:.2f}</text>'
            )
            y += _LINE
    style = (
        "text{font:13px sans-serif;fill:#24292f}.ours{fill:#1a7f37}.theirs{fill:#8c959f}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 8}" role="img">'
        f"<style>{style}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )
