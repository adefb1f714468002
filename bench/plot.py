"""Line plots as SVG: two axes, a legend, and nothing that needs a package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 40, 50
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df")


@dataclass(frozen=True)
class Line:
    label: str
    points: Sequence[Point]


def svg(title: str, x_label: str, y_label: str, lines: Sequence[Line], *, log_x: bool) -> str:
    """Both axes begin at nought; a logarithmic one at the smallest value."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    if not xs:
        raise ValueError(f"{title}: nothing to draw")
    x_axis = _Axis(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT, log=log_x)
    y_axis = _Axis(0.0, max(ys), _HEIGHT - _BOTTOM, _TOP, log=False)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        "<style>text { font: 12px sans-serif } .title { font-size: 14px }</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_WIDTH / 2, 18, title, "middle", "title"),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, x_label, "middle"),
        f'<g transform="rotate(-90 16 {_HEIGHT / 2:.0f})">',
        _text(16, _HEIGHT / 2, y_label, "middle"),
        "</g>",
    ]
    for tick in x_axis.ticks():
        at = x_axis.at(tick)
        parts.append(_stroke(at, _TOP, at, _HEIGHT - _BOTTOM))
        parts.append(_text(at, _HEIGHT - _BOTTOM + 16, f"{tick:g}", "middle"))
    for tick in y_axis.ticks():
        at = y_axis.at(tick)
        parts.append(_stroke(_LEFT, at, _WIDTH - _RIGHT, at))
        parts.append(_text(_LEFT - 6, at + 4, f"{tick:g}", "end"))
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn = [(x_axis.at(x), y_axis.at(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(drawn) < 20:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in drawn
            ]
        top = _TOP + 14 + 18 * number
        parts.append(
            f'<rect x="{_LEFT + 10}" y="{top - 9}" width="12" height="12" fill="{colour}"/>'
        )
        parts.append(_text(_LEFT + 28, top + 2, line.label, "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def cumulative(values: Sequence[float]) -> list[Point]:
    """How many had come by then: at most two hundred points, the first and the last among them."""
    ordered = sorted(values)
    step = max(1, len(ordered) // 200)
    kept = sorted({*range(0, len(ordered), step), len(ordered) - 1})
    return [(ordered[index], index + 1.0) for index in kept]


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    begin: float
    end: float
    log: bool

    def at(self, value: float) -> float:
        low, high = self._scaled(self._low()), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low) if high > low else 0.0
        return self.begin + share * (self.end - self.begin)

    def _low(self) -> float:
        return self.low if self.log else min(0.0, self.low)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self) -> list[float]:
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        span = self.high - self._low()
        if span <= 0:
            return [self.high]
        rough = span / 5
        size = 10 ** math.floor(math.log10(rough))
        step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough)
        return [n * step for n in range(math.ceil(self._low() / step), int(self.high / step) + 1)]


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"'
    return f"<text {where}>{escape(text)}</text>"


def _stroke(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'
