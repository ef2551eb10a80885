"""Charts as inline SVG. Lines live in a box of 1000 by 1000 units that is stretched to the width of the page; words and
marks are placed by per cent, so they keep their size on a telephone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.downsample import keep_extremes
from analysis.report.markup import Markup, joined, tag
from analysis.report.scales import Mark, Scale, time_marks
from analysis.report.wording import MINUS, counted, epoch, money, number, per_cent

POINTS = 1_400
READINGS = 90  # places along a curve that say their values under the pointer

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The equity of a run and how far below its previous peak it was. `peak`, `trough` and `recovery` are the places of
    the deepest drawdown in per cent (recovery: the last point while it is not over)."""

    time: Ints
    equity: Floats
    fall_pct: Floats
    peak: int
    trough: int
    recovery: int

    @classmethod
    def of(cls, time: Ints, equity: Floats) -> "Curve":
        """From at least two points, the first above zero."""
        peaks = np.maximum.accumulate(equity)
        fall = (peaks - equity) / peaks * 100
        trough = int(fall.argmax())
        peak = trough - int(equity[trough::-1].argmax())
        back = np.flatnonzero(equity[trough:] >= equity[peak])
        return cls(time, equity, fall, peak, trough, trough + int(back[0]) if len(back) else len(equity) - 1)

    @property
    def recovered(self) -> bool:
        """Whether the deepest drawdown was over before the end."""
        return bool(self.equity[self.recovery] >= self.equity[self.peak])

    def across(self, place: int) -> float:
        """Where along the time a point is, 0 to 1."""
        start, end = int(self.time[0]), int(self.time[-1])
        return (int(self.time[place]) - start) / max(end - start, 1)


def equity_chart(curve: Curve) -> Markup:
    """The equity with a line at its start and the deepest drawdown shaded."""
    low, high = float(curve.equity.min()), float(curve.equity.max())
    scale = Scale.around(low, high)
    start = 1 - scale.place(float(curve.equity[0]))
    shade = None
    if curve.trough > curve.peak:
        left, right = curve.across(curve.peak), curve.across(curve.recovery)
        shade = tag("rect", x=_pct(left), width=_pct(max(right - left, 0.002)), y="0", height="100%", class_="shade")
    points = _points(curve, curve.equity, lambda value: 1 - scale.place(value))
    line = f"M{' L'.join(points)}"
    drawing = joined(
        tag("path", d=f"{line} L1000,1000 L0,1000 Z", class_="area"),
        tag("path", d=line, class_="line"),
    )
    label = (
        f"Equity from {money(float(curve.equity[0]))} on {epoch(int(curve.time[0]), to_day=True)} "
        f"to {money(float(curve.equity[-1]))} on {epoch(int(curve.time[-1]), to_day=True)}; "
        f"lowest {money(low)}, highest {money(high)}."
    )
    baseline = tag("line", x1="0", x2="100%", y1=_pct(start), y2=_pct(start), class_="baseline")
    marks = [Mark(1 - mark.place, mark.label) for mark in scale.marks(7)]
    return _framed("equity", label, joined(shade, baseline), drawing, marks, _times(curve), list(_readings(curve)))


def drawdown_chart(curve: Curve) -> Markup:
    """How far below its previous peak the equity was, downwards from zero."""
    deepest = float(curve.fall_pct.max())
    scale = Scale(0.0, deepest * 1.12 or 1.0)
    points = _points(curve, curve.fall_pct, scale.place)
    line = f"M{' L'.join(points)}"
    drawing = joined(
        tag("path", d=f"{line} L1000,0 L0,0 Z", class_="area"),
        tag("path", d=line, class_="line"),
    )
    spot = tag("circle", cx=_pct(curve.across(curve.trough)), cy=_pct(scale.place(deepest)), r="3.5", class_="spot")
    when = epoch(int(curve.time[curve.trough]))
    label = f"Drawdown in per cent of the previous peak; deepest {per_cent(deepest)} on {when} UTC."
    marks = [Mark(mark.place, f"{MINUS if mark.place else ''}{mark.label} %") for mark in scale.marks(4)]
    over = [*([spot] if deepest else []), *_readings(curve)]
    return _framed("drawdown", label, None, drawing, marks, _times(curve), over)


def histogram(found: Mapping[str, Any]) -> Markup:
    """The bins of an `r_distribution`."""
    bins: Sequence[Mapping[str, Any]] = found["bins"]
    most = max(bin_["trades"] for bin_ in bins)
    scale, width = Scale(0.0, most * 1.1), 1 / len(bins)
    bars = [_bar(bin_, place, width, scale) for place, bin_ in enumerate(bins)]
    marks = [Mark(1 - mark.place, mark.label) for mark in scale.marks(4) if "." not in mark.label]
    label = (
        f"How many trades ended with how many R, {counted(found['trades'], 'trade')}; mean {number(found['mean'])} R."
    )
    return _framed("histogram", label, None, None, marks, list(_edges(bins)), bars)


def diverging_bar(value: float, most: float) -> Markup:
    """A bar to the right for a gain, to the left for a loss; `most` fills half of the width."""
    size = min(abs(value) / most, 1) * 0.5 if most else 0.0
    left = 0.5 if value >= 0 else 0.5 - size
    shape = tag("rect", x=_pct(left), width=_pct(size), y="20%", height="60%", class_="gain" if value >= 0 else "loss")
    zero = tag("line", x1="50%", x2="50%", y1="0", y2="100%", class_="grid")
    return tag("svg", zero, shape, class_="bar", aria_hidden="true")


def _points(curve: Curve, values: Floats, down: Any) -> list[str]:
    kept = keep_extremes(values, POINTS)
    return [f"{curve.across(int(i)) * 1000:.1f},{down(float(values[i])) * 1000:.1f}" for i in kept]


def _times(curve: Curve) -> list[Mark]:
    return time_marks(int(curve.time[0]), int(curve.time[-1]), 6)


def _readings(curve: Curve) -> Iterator[Markup]:
    """Invisible columns that say the value at their end."""
    start, end = int(curve.time[0]), int(curve.time[-1])
    count = min(READINGS, len(curve.time) - 1)
    edges = np.linspace(start, end, count + 1)
    places = np.searchsorted(curve.time, edges, side="right") - 1
    for (left, right), place in zip(pairwise(edges), places[1:].tolist(), strict=True):
        span = max(end - start, 1)
        said = (
            f"{epoch(int(curve.time[place]))} UTC: equity {money(float(curve.equity[place]))}, "
            f"drawdown {per_cent(float(curve.fall_pct[place]))}"
        )
        x, width = _pct((left - start) / span), _pct((right - left) / span)
        yield tag("rect", tag("title", said), x=x, width=width, y="0", height="100%", class_="reading")


def _bar(bin_: Mapping[str, Any], place: int, width: float, scale: Scale) -> Markup:
    low, high = bin_["from"], bin_["to"]
    range_ = (
        f"below {_r(high)}" if low is None else f"{_r(low)} or more" if high is None else f"{_r(low)} to {_r(high)}"
    )
    height = scale.place(bin_["trades"])
    kind = "gain" if low is not None and low >= 0 else "loss"
    title = tag("title", f"{range_} R: {counted(bin_['trades'], 'trade')}")
    x, across = _pct((place + 0.06) * width), _pct(width * 0.88)
    return tag("rect", title, x=x, width=across, y=_pct(1 - height), height=_pct(height), class_=kind)


def _edges(bins: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
    """Whole R where bins meet, as many as there is room for."""
    whole = [(place, bin_["from"]) for place, bin_ in enumerate(bins) if bin_["from"] is not None]
    whole = [(place, edge) for place, edge in whole if edge == int(edge)]
    every = max(-(-len(whole) // 8), 1)
    for place, edge in whole:
        if int(edge) % every == 0:
            yield Mark(place / len(bins), f"{_r(edge)} R")


def _framed(
    name: str, label: str, behind: Markup | None, drawing: Markup | None, heights: Sequence[Mark],
    along: Sequence[Mark], over: Sequence[Markup],
) -> Markup:  # fmt: skip
    """A drawing with its axes: a column of heights, and marks along the bottom."""
    grid = [tag("line", x1="0", x2="100%", y1=_pct(m.place), y2=_pct(m.place), class_="grid") for m in heights]
    stretched = drawing and tag("svg", drawing, viewBox="0 0 1000 1000", preserveAspectRatio="none")
    ticks = [_below(mark, index) for index, mark in enumerate(along)]
    side = [tag("text", mark.label, x="100%", y=_pct(mark.place), dy="0.32em") for mark in heights]
    return tag(
        "div",
        tag("svg", *side, class_="side"),
        tag("svg", behind, *grid, stretched, *ticks, *over, class_="plot"),
        class_=f"chart {name}", role="img", aria_label=label,
    )  # fmt: skip


def _below(mark: Mark, index: int) -> Markup:
    x, anchor = _pct(mark.place), "start" if mark.place < 0.04 else "end" if mark.place > 0.96 else "middle"
    every_other = "minor" if index % 2 else None
    return joined(
        tag("line", x1=x, x2=x, y1="0", y2="100%", class_="grid upright"),
        tag("text", mark.label, x=x, y="100%", dy="1.5em", text_anchor=anchor, class_=every_other),
    )


def _pct(share: float) -> str:
    return f"{share * 100:.2f}%"


def _r(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)
