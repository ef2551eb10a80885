"""The simulation's trade records as the trades of a result."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.engine.kernel.records import EXIT_REASONS, LONG, NO_STOP, NO_TARGET, TIME
from analysis.engine.simulation import Simulation
from analysis.engine.trades import COLUMNS, Trades
from analysis.timeframes import TIMEFRAME_MS, Bars

_Floats = NDArray[np.float64]


def trade_log(simulation: Simulation, bars: Sequence[Bars], timeframe: str) -> Trades:
    """Every trade in order of entry, with prices, lots, money and figures in R."""
    t = simulation.trades
    order = np.argsort(t["id"], kind="stable")  # the parts of a trade are in their order already
    if (np.diff(order) < 0).any():
        t = t[order]
    if len(bars) == 1:
        return Trades(_columns(simulation, t, 0, bars[0], timeframe))
    parts = [
        _columns(simulation, t[t["symbol"] == symbol], symbol, bars[symbol], timeframe) for symbol in range(len(bars))
    ]
    merged = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    order = np.lexsort((merged["part"], merged["id"]))
    return Trades({name: column[order] for name, column in merged.items()})


def _columns(
    simulation: Simulation, t: NDArray[np.void], symbol: int, bars: Bars, timeframe: str
) -> dict[str, NDArray[np.generic]]:
    instrument = simulation.instruments[symbol]
    direction = t["direction"]
    unit = instrument.tick_value * instrument.volume_step
    stopped = t["stop"] != NO_STOP
    risk_ticks = np.where(stopped, np.abs(t["entry"] - np.where(stopped, t["stop"], 0)), 0)
    risk = np.where(stopped, np.round(unit * risk_ticks * t["steps"], 8), np.nan)
    at_risk = risk_ticks > 0
    per_r = np.where(at_risk, risk_ticks, 1)
    pnl = t["pnl"] / 100.0

    def price(levels: NDArray[np.int64]) -> _Floats:
        return np.asarray(np.round(levels * direction * instrument.tick_size, instrument.digits))

    def level(levels: NDArray[np.int64], absent: int) -> _Floats:
        return np.where(levels == absent, np.nan, price(np.where(levels == absent, 0, levels)))

    return {
        "id": t["id"],
        "part": t["part"],
        "symbol": np.full(len(t), instrument.symbol, dtype=object),
        "side": np.array(["SELL", "BUY"], dtype=object)[(direction == LONG).astype(int)],
        "lots": np.round(t["steps"] * instrument.volume_step, 8),
        "entry_time": t["entry_time"],
        "entry_price": price(t["entry"]),
        "exit_time": t["exit_time"],
        "exit_price": price(t["exit"]),
        "sl": level(t["stop"], NO_STOP),
        "tp": level(t["target"], NO_TARGET),
        "initial_risk": risk,
        "pnl": pnl,
        "pnl_r": np.divide(pnl, risk, out=np.full(len(t), np.nan), where=at_risk & (risk > 0)),
        "pnl_pessimistic": t["pnl_pessimistic"] / 100.0,
        "pnl_optimistic": t["pnl_optimistic"] / 100.0,
        "commission": t["commission"] / 100.0,
        "swap": t["swap"] / 100.0,
        "mae_r": np.where(at_risk, np.minimum((t["worst"] - t["entry"]) / per_r, 0.0), np.nan),
        "mfe_r": np.where(at_risk, np.maximum((t["best"] - t["entry"]) / per_r, 0.0), np.nan),
        "bars_held": _bar(simulation, t["exit_row"], symbol, bars, timeframe)
        - _bar(simulation, t["entry_row"], symbol, bars, timeframe),
        "exit_reason": np.array(EXIT_REASONS, dtype=object)[t["reason"]],
        "intrabar_decided": t["decided"] != 0,
        "tag": np.array([*simulation.tags, ""], dtype=object)[t["tag"]],
    }


def _bar(simulation: Simulation, rows: NDArray[np.int64], symbol: int, bars: Bars, timeframe: str) -> NDArray[np.int64]:
    """Which bar of the symbol was the last to begin by the time of a row (at a stop-out it may be another symbol's);
    one that never closed counts too."""
    if timeframe == "M1" and simulation.market.rows[symbol] is None:
        return rows  # each is a bar
    times, length = simulation.market.columns[TIME], TIMEFRAME_MS[timeframe]
    last = times[simulation.market.last_row(symbol, len(simulation.market))] // length * length
    opened = bars.candles.time
    if len(opened) == 0 or opened[-1] < last:
        opened = np.append(opened, last)
    return np.asarray(np.searchsorted(opened, times[rows], side="right") - 1, np.int64)
