"""What a strategy gives a chart to draw over the candles of one symbol."""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.downsample import keep_extremes
from analysis.strategy.drawing_values import (
    Instant,
    Instants,
    epoch_ms,
    epoch_ms_column,
    finite,
    name_of,
    number_column,
    one_of,
    text_of,
)

MAX_LINES = 16
MAX_LINE_POINTS = 20_000
MAX_SEGMENTS = 5_000
MAX_MARKERS = 5_000
MAX_BOXES = 5_000
MAX_REMARKS = 20
MAX_SYMBOLS = 64

POSITIONS = ("above", "below")
MARKER_KINDS = ("entry", "exit", "info")
SIDES = ("BUY", "SELL")

Line = tuple[NDArray[np.int64], NDArray[np.float64]]


class Overlays:
    """Lines, level segments, markers and order boxes of one symbol.

    A time is epoch milliseconds UTC or a datetime with a time zone. Every method returns the object itself
    and raises ValueError for a time without a zone and for what is of the wrong kind. A price that is
    missing, NaN or infinite draws nothing. Beyond the counts above, lines are refused and of everything else
    the latest added stay; `notes` says what was left out.
    """

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._segments: deque[dict[str, Any]] = deque(maxlen=MAX_SEGMENTS)
        self._markers: deque[dict[str, Any]] = deque(maxlen=MAX_MARKERS)
        self._boxes: OrderedDict[object, dict[str, Any]] = OrderedDict()
        self._lost: Counter[str] = Counter()
        self._remarks: list[str] = []

    def line(self, name: str, times: Instants, values: ArrayLike) -> Self:
        """A curve through `values` at ascending `times`; NaN is a gap. A name is drawn once."""
        name = name_of("the name of a line", name)
        if name in self._lines:
            raise ValueError(f"there is a line {name!r} already")
        time = epoch_ms_column(f"line {name!r}", times)
        value = number_column(f"line {name!r}", values, len(time))
        if len(self._lines) >= MAX_LINES:
            self._lost[f"lines: a chart has {MAX_LINES} at most"] += 1
        else:
            self._lines[name] = _thinned(time, value, MAX_LINE_POINTS)
        return self

    def segment(
        self, name: str, start_ms: Instant, end_ms: Instant, price: float | None, kind: str = "support"
    ) -> Self:
        """A horizontal piece at `price`. `kind` is "support", "resistance" or a name of your own."""
        start, end = epoch_ms("start_ms", start_ms), epoch_ms("end_ms", end_ms)
        if end < start:
            raise ValueError("a segment must not end before it starts")
        drawn = {
            "name": name_of("the name of a segment", name),
            "start_time": start,
            "end_time": end,
            "price": finite("price", price),
            "kind": name_of("kind", kind),
        }
        self._keep(self._segments, drawn, "segments")
        return self

    def marker(
        self,
        time_ms: Instant,
        price: float | None,
        text: str,
        position: str = "above",
        kind: str = "info",
        trade_id: int | None = None,
    ) -> Self:
        """A sign with a short `text`, `position` "above" or "below" the price, `kind` entry, exit or info."""
        drawn = {
            "time": epoch_ms("time_ms", time_ms),
            "price": finite("price", price),
            "text": text_of("text", text),
            "position": one_of("position", position, POSITIONS),
            "kind": one_of("kind", kind, MARKER_KINDS),
            "trade_id": _identity(trade_id),
        }
        self._keep(self._markers, drawn, "markers")
        return self

    def box(
        self,
        open_ms: Instant,
        close_ms: Instant | None,
        entry: float | None,
        sl: float | None,
        tp: float | None,
        trade_id: int | None,
        side: str,
        close_reason: str = "",
    ) -> Self:
        """An order from `open_ms` to `close_ms` (None: still open). Another box with the same `trade_id`
        replaces it; boxes without one are all drawn."""
        opened = epoch_ms("open_ms", open_ms)
        closed = None if close_ms is None else epoch_ms("close_ms", close_ms)
        if closed is not None and closed < opened:
            raise ValueError("a box must not close before it opens")
        drawn = {
            "trade_id": _identity(trade_id),
            "side": one_of("side", side, SIDES),
            "open_time": opened,
            "close_time": closed,
            "entry": finite("entry", entry),
            "sl": finite("sl", sl),
            "tp": finite("tp", tp),
            "close_reason": text_of("close_reason", close_reason),
        }
        if drawn["entry"] is None:
            self._lost["order boxes: no price"] += 1
        else:
            self._keep_box(drawn)
        return self

    def remark(self, text: str) -> Self:
        """Something `notes` should say."""
        if len(self._remarks) < MAX_REMARKS:
            self._remarks.append(text_of("a remark", text))
        return self

    @property
    def notes(self) -> list[str]:
        """What was left out of the drawing, in sentences; empty when everything is there."""
        return [*self._remarks, *(f"{count} left out of {why}" for why, count in sorted(self._lost.items()))]

    def to_json(self, max_points: int = 2000) -> dict[str, Any]:
        """As plain JSON values, times in epoch milliseconds UTC, every list in order of time.

        A line has at most `max_points` points (at least 8) and keeps its extremes; a point whose value is
        None starts a gap.
        """
        return {
            "lines": {name: _points(*_thinned(*line, max_points)) for name, line in self._lines.items()},
            "segments": [dict(s) for s in sorted(self._segments, key=lambda s: (s["start_time"], s["end_time"]))],
            "markers": [dict(marker) for marker in sorted(self._markers, key=lambda m: m["time"])],
            "order_boxes": [dict(box) for box in sorted(self._boxes.values(), key=lambda b: b["open_time"])],
            "notes": self.notes,
        }

    def _keep(self, kept: deque[dict[str, Any]], drawn: dict[str, Any], what: str) -> None:
        if drawn["price"] is None:
            self._lost[f"{what}: no price"] += 1
            return
        if len(kept) == kept.maxlen:
            self._lost[f"{what}: the last {kept.maxlen} are kept"] += 1
        kept.append(drawn)

    def _keep_box(self, drawn: dict[str, Any]) -> None:
        identity = drawn["trade_id"]
        self._boxes[object() if identity is None else identity] = drawn
        if len(self._boxes) > MAX_BOXES:
            self._boxes.popitem(last=False)
            self._lost[f"order boxes: the last {MAX_BOXES} are kept"] += 1


def checked_overlays(drawn: object) -> Mapping[str, Overlays]:
    """What a strategy's `chart_overlays` returned, by symbol. Raises ValueError for anything else."""
    if not isinstance(drawn, Mapping):
        raise ValueError(f"chart_overlays must return Overlays by symbol, not {type(drawn).__name__}")
    if len(drawn) > MAX_SYMBOLS:
        raise ValueError(f"chart_overlays must return {MAX_SYMBOLS} symbols at most, not {len(drawn)}")
    for symbol, overlays in drawn.items():
        name_of("a symbol", symbol)
        if not isinstance(overlays, Overlays):
            raise ValueError(f"chart_overlays must return Overlays for {symbol}, not {type(overlays).__name__}")
    return drawn


def _identity(trade_id: int | None) -> int | None:
    if trade_id is None:
        return None
    if isinstance(trade_id, bool) or not isinstance(trade_id, int | np.integer) or abs(int(trade_id)) > 2**53:
        raise ValueError("trade_id must be the id of a trade")
    return int(trade_id)


def _thinned(time: NDArray[np.int64], value: NDArray[np.float64], max_points: int) -> Line:
    """At most `max_points` points; of a gap its first point stays, of more than a quarter that are gaps some."""
    if max_points < 8:
        raise ValueError("max_points must be at least 8")
    there = np.isfinite(value)
    begins_gap = ~there & np.concatenate([[False], there[:-1]])
    begins_gap[np.flatnonzero(there)[-1] + 1 if there.any() else 0 :] = False  # nothing follows it
    kept = np.flatnonzero(there | begins_gap)
    if len(kept) > max_points:
        gaps, solid = np.flatnonzero(begins_gap), np.flatnonzero(there)
        if len(gaps) > max_points // 4:
            gaps = gaps[np.linspace(0, len(gaps) - 1, max_points // 4).astype(np.int64)]
        solid = solid[keep_extremes(value[solid], max_points - len(gaps))]
        kept = np.sort(np.concatenate([gaps, solid]))
    return time[kept], value[kept]


def _points(time: NDArray[np.int64], value: NDArray[np.float64]) -> list[dict[str, Any]]:
    return [
        {"time": at, "value": None if price != price else price}
        for at, price in zip(time.tolist(), value.tolist(), strict=True)
    ]
