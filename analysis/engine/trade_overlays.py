"""What the trade log gives a chart to draw, for every strategy, and the drawing a result keeps."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.engine.trades import Trades
from analysis.strategy import describe
from analysis.strategy.overlays import MAX_MARKERS, Overlays, checked_overlays

MAX_TRADES_DRAWN = MAX_MARKERS // 2  # an entry and an exit each
MIN_TRADES_DRAWN = 250  # of a symbol, where many share them


def trade_overlays(trades: Trades) -> dict[str, Overlays]:
    """Order boxes and the markers of entries and exits, by symbol.

    A trade is one box and one entry, keyed by its id; each of its parts is an exit. `MAX_TRADES_DRAWN` trades
    are drawn, of each symbol the latest; the trade log has all.
    """
    symbols = np.array(trades.symbol, dtype=str)
    names = np.unique(symbols)
    share = max(MAX_TRADES_DRAWN // max(len(names), 1), MIN_TRADES_DRAWN)
    return {str(name): _of_symbol(trades, np.flatnonzero(symbols == name), share) for name in names}


def ask_overlays(ask: Callable[[], object]) -> tuple[Mapping[str, Overlays], tuple[str, ...]]:
    """What a strategy's `chart_overlays` (called by `ask`) draws, by symbol, and the warnings of it.

    Whatever it raises is a warning: a drawing that fails is no reason to lose a run.
    """
    try:
        return checked_overlays(ask()), ()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is somebody else's code
        return {}, (f"The strategy's drawing was left out: {describe(error)}",)


def chart_overlays(strategy_overlays: Mapping[str, Overlays], trades: Trades, max_points: int = 2000) -> dict[str, Any]:
    """The drawing a result keeps, as plain JSON by symbol: what the strategy drew, and its trades over it.

    Raises ValueError for what is not `Overlays` by symbol. A box of the strategy gives way to that of the
    trade with the same id.
    """
    drawn = {symbol: own.to_json(max_points) for symbol, own in checked_overlays(strategy_overlays).items()}
    for symbol, overlays in trade_overlays(trades).items():
        above = overlays.to_json()
        drawn[symbol] = _laid_over(drawn[symbol], above) if symbol in drawn else above
    return dict(sorted(drawn.items()))


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    ids = {box["trade_id"] for box in above["order_boxes"]}
    boxes = [box for box in below["order_boxes"] if box["trade_id"] not in ids] + above["order_boxes"]
    return {
        "lines": below["lines"],
        "segments": below["segments"],
        "markers": sorted(below["markers"] + above["markers"], key=lambda marker: marker["time"]),
        "order_boxes": sorted(boxes, key=lambda box: box["open_time"]),
        "notes": below["notes"] + above["notes"],
    }


def _of_symbol(trades: Trades, rows: NDArray[np.int64], most: int) -> Overlays:
    overlays = Overlays()
    ids = np.unique(trades.id[rows])
    if len(ids) > most:
        overlays.remark(f"The latest {most} of {len(ids)} trades are drawn: the trade log has all")
        rows = rows[trades.id[rows] >= ids[-most]]
    rows = rows[np.lexsort((trades.part[rows], trades.id[rows]))]
    first = np.flatnonzero(np.diff(trades.id[rows], prepend=-1))
    lots = np.add.reduceat(trades.lots[rows], first)
    last = rows[np.append(first[1:], len(rows)) - 1]
    _draw_boxes(overlays, trades, rows[first], last)
    _draw_entries(overlays, trades, rows[first], lots)
    _draw_exits(overlays, trades, rows)
    return overlays


def _draw_boxes(overlays: Overlays, trades: Trades, first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
    """`first` and `last` are the rows of each trade's first and last part."""
    columns = (
        trades.entry_time[first], trades.exit_time[last], trades.entry_price[first], trades.sl[first],
        trades.tp[first], trades.id[first], trades.side[first], trades.exit_reason[last],
    )  # fmt: skip
    for values in zip(*(column.tolist() for column in columns), strict=True):
        overlays.box(*values)


def _draw_entries(overlays: Overlays, trades: Trades, first: NDArray[np.int64], lots: NDArray[np.float64]) -> None:
    columns = (trades.entry_time[first], trades.entry_price[first], trades.side[first], trades.id[first], lots)
    for time, price, side, trade, size in zip(*(column.tolist() for column in columns), strict=True):
        place = "below" if side == "BUY" else "above"
        overlays.marker(time, price, f"{side} {round(size, 8):g}", place, "entry", trade)


def _draw_exits(overlays: Overlays, trades: Trades, rows: NDArray[np.int64]) -> None:
    names = ("exit_time", "exit_price", "side", "id", "exit_reason", "pnl")
    columns = (getattr(trades, name)[rows].tolist() for name in names)
    for time, price, side, trade, reason, pnl in zip(*columns, strict=True):
        place = "above" if side == "BUY" else "below"
        overlays.marker(time, price, f"{reason} {pnl:+.2f}", place, "exit", trade)
