"""Draws a run: the life of the access tokens above, then a panel for each stage in which many called at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from examples.demo.scenario import STOPPED, summary
from examples.demo.svg import Picture
from examples.demo.wire import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from examples.demo.counts import Life
    from examples.demo.run import Run
    from examples.demo.wire import Span

_WIDTH: Final = 420  # a phone's, so that the words are legible there
_MARGIN: Final = 12
_GUTTER: Final = 84  # for the names left of the lanes
_PANEL_WIDTH: Final = _WIDTH - 2 * _MARGIN
_LANES_HEIGHT: Final = 200
_PANEL_HEIGHT: Final = _LANES_HEIGHT + 106
_PANELS: Final = {
    "threads": "Threads: refreshed before anything is sent",
    "tasks": "Tasks: refreshed before anything is sent",
    STOPPED: "Clock stood still: the server answers 401",
    "processes": "Two processes, one file: one refreshes for both",
}
_SHORT: Final = {
    "profile": "sign in",
    "sleep": "one call",
    "threads": "threads",
    "tasks": "tasks",
    STOPPED: "clock stopped",
    "processes": "two processes",
}
_LEGEND: Final = (
    ("token", "access token alive"),
    ("wait", "a call waits"),
    ("request", "request"),
    ("refused", "request refused: 401"),
    ("refresh", "refresh"),
    ("replay", "replay"),
)


def draw(run: Run, path: Path) -> None:
    """Write the picture of a run."""
    spans = run.recorder.spans
    calls, refreshes = count(spans, "call"), count(spans, "refresh")
    title = f"{calls} calls, {refreshes} refreshes, {count(spans, 'refused')} refused and replayed"
    picture = Picture(_WIDTH, title)
    picture.text(_MARGIN, 28, title, "strong", size=15)
    _draw_lives(picture, run, 72)
    top = 166.0
    shown = [key for key in _PANELS if any(s.stage == key for s in spans)]
    for place, key in enumerate(shown):
        _draw_panel(picture, run, key, (_MARGIN, top + place * (_PANEL_HEIGHT + _MARGIN)))
    bottom = top + len(shown) * (_PANEL_HEIGHT + _MARGIN)
    _draw_legend(picture, bottom + 10)
    picture.height = bottom + 62
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture.svg(), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where a moment stands."""

    start: float
    end: float
    left: float
    width: float

    def x(self, moment: float) -> float:
        return self.left + (moment - self.start) / (self.end - self.start) * self.width

    def ticks(self) -> list[float]:
        """Return round distances from the start, at most six."""
        length = self.end - self.start
        power = 10.0 ** math.floor(math.log10(length))
        step = next(s for s in (0.1 * power, 0.2 * power, 0.5 * power, power, 2 * power) if length / s <= 6)
        return [step * number for number in range(int(length / step) + 1)]


# ----------------------------------------------------------------------------------------------- the life of the tokens


def _draw_lives(picture: Picture, run: Run, top: float) -> None:
    end = max(span.end for span in run.recorder.spans)
    axis = _Axis(run.started, end, _MARGIN + _GUTTER, _WIDTH - 2 * _MARGIN - _GUTTER - 20)
    picture.text(_MARGIN, top + 29, "access", "plain")
    picture.text(_MARGIN, top + 43, "tokens", "plain")
    lives = sorted(run.lifetimes.lives, key=lambda life: life.start)
    for life, after in zip(lives, [*[n.start for n in lives[1:]], end], strict=True):
        _draw_life(picture, axis, life, after, top + 22)
    for span in run.recorder.spans:
        if span.kind == "refresh":
            picture.box(axis.x(span.start) - 1, top + 16, 3, 38, "refresh")
    for key, name in _SHORT.items():
        began = [span.start for span in run.recorder.spans if span.stage == key]
        if began:  # names in three rows: neighbours would overlap
            x = axis.x(min(began))
            y = top + 10 - 14 * (2 - list(_SHORT).index(key) % 3)
            picture.text(x, y, name, "strong", size=12, anchor="end" if x > _WIDTH - 90 else "start")
    _draw_ticks(picture, axis, top + 62, 1.0, "s")


def _draw_life(picture: Picture, axis: _Axis, life: Life, replaced: float, top: float) -> None:
    dead = min(max(life.end, life.start), replaced)
    picture.box(axis.x(life.start), top, axis.x(dead) - axis.x(life.start) - 1, 26, "token", round_=2)
    if replaced > dead:
        picture.line((axis.x(dead), top + 13), (axis.x(replaced), top + 13), "refused", dashed=True)


# -------------------------------------------------------------------------------------------------- calls, lane by lane


def _draw_panel(picture: Picture, run: Run, key: str, corner: tuple[float, float]) -> None:
    spans = [span for span in run.recorder.spans if span.stage == key]
    left, top = corner
    picture.box(left, top, _PANEL_WIDTH, _PANEL_HEIGHT, "panel", round_=6)
    picture.text(left + 14, top + 24, _PANELS[key], "strong", size=14)
    picture.text(left + 14, top + 42, summary(spans))
    start, end = min(s.start for s in spans), max(s.end for s in spans)
    axis = _Axis(start, end, left + _GUTTER, _PANEL_WIDTH - _GUTTER - 18)
    picture.text(left + 14, top + 65, "refresh")
    for span in spans:
        if span.kind == "refresh":
            picture.box(axis.x(span.start), top + 55, axis.x(span.end) - axis.x(span.start), 12, "refresh", round_=2)
    _draw_lanes(picture, axis, spans, (left + 14, top + 74))
    _draw_ticks(picture, axis, top + 74 + _LANES_HEIGHT + 6, 1000.0, "ms")


def _draw_lanes(picture: Picture, axis: _Axis, spans: Sequence[Span], corner: tuple[float, float]) -> None:
    left, top = corner
    groups = sorted({span.group for span in spans if span.kind == "call"}, key=lambda group: ("tasks" in group, group))
    calls = sorted((s for s in spans if s.kind == "call"), key=lambda s: (groups.index(s.group), s.start, s.end))
    height = _LANES_HEIGHT / len(calls)
    for group in groups:
        first = next(place for place, call in enumerate(calls) if call.group == group)
        picture.text(left, top + first * height + 10, group)
    where = {(call.group, call.lane): top + place * height for place, call in enumerate(calls)}
    for span in [*calls, *sorted((s for s in spans if s.kind in {"request", "refused", "replay"}), key=_by_start)]:
        y, ink = where[span.group, span.lane], "wait" if span.kind == "call" else span.kind
        picture.box(axis.x(span.start), y, axis.x(span.end) - axis.x(span.start), height * 0.8, ink)


def _by_start(span: Span) -> float:
    return span.start


def _draw_ticks(picture: Picture, axis: _Axis, y: float, factor: float, unit: str) -> None:
    for after in axis.ticks():
        x = axis.x(axis.start + after)
        picture.line((x, y - 4), (x, y), "plain")
        picture.text(x, y + 13, f"{after * factor:g} {unit}", anchor="middle", size=12)


def _draw_legend(picture: Picture, y: float) -> None:
    for place, (ink, words) in enumerate(_LEGEND):
        x, row = _MARGIN + place % 2 * _WIDTH / 2, y + place // 2 * 18
        picture.box(x, row - 10, 22, 11, ink, round_=2)
        picture.text(x + 28, row, words)
