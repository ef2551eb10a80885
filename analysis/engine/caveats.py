"""What a reader of a result must know before believing it, in plain words."""

from collections.abc import Iterator

import numpy as np

from analysis.candles import Candles
from analysis.engine.kernel.quotes import count_off_grid
from analysis.engine.result import BacktestSettings
from analysis.engine.spread import fixed_spread
from analysis.engine.trades import Trades
from analysis.instrument import Instrument

FEW_TRADES = 30
_GRID_TOLERANCE = 1e-3  # ticks
_RISK_SETTINGS_READ = frozenset({"fixed_lot_size", "max_open_positions"})


def data_caveats(candles: Candles, instrument: Instrument, settings: BacktestSettings) -> Iterator[str]:
    """About the candles a run is made of."""
    zero = float(np.mean(candles.spread == 0))
    if zero > 0:
        yield f"The spread is zero on {_percent(zero)} of the candles: trading cost nothing there."
    absent = float(np.mean(candles.spread < 0))
    if absent > 0:
        points = fixed_spread(settings.spread_points, instrument)
        yield f"{_percent(absent)} of the candles have no recorded spread: {points} points were used there."
    off_grid = off_grid_share(candles, instrument)
    if off_grid > 0:
        yield (
            f"{_percent(off_grid)} of the closes are not on the price grid of {instrument.symbol} "
            f"({instrument.tick_size:g}): they were rounded to it. Is this the right instrument?"
        )


def window_caveats(bars: int, traded_from: int, needed: int) -> Iterator[str]:
    """About the length of the window."""
    if traded_from >= bars:
        yield (
            f"The strategy needs {needed} bars before its first decision and the window has {bars}: "
            "nothing could be traded."
        )


def trade_caveats(trades: Trades, refused: int, lowest_equity: float) -> Iterator[str]:
    """About what was traded."""
    if len(trades) == 0:
        yield "No trade was made."
    elif len(trades) < FEW_TRADES:
        count = "1 trade" if len(trades) == 1 else f"{len(trades)} trades"
        yield f"Only {count}: too few to tell skill from luck."
    if refused:
        actions = "1 action was" if refused == 1 else f"{refused} actions were"
        yield f"{actions} refused; the reasons are in the list of refusals."
    decided = int(trades.intrabar_decided.sum())
    if decided:
        yield (
            f"{decided} of {len(trades)} trades reached SL and TP within one minute: which came first is an assumption."
        )
    without_stop = int(np.isnan(trades.sl).sum())
    if without_stop:
        yield (
            f"{without_stop} of {len(trades)} trades had no stop loss: "
            "their risk is unknown and figures in R leave them out."
        )
    if lowest_equity <= 0:
        yield (
            "The equity fell to zero or below. A broker would have closed everything before: "
            "set a leverage to have the stop-out simulated."
        )


def settings_caveats(settings: BacktestSettings) -> Iterator[str]:
    """About settings the engine does not act on."""
    ignored = sorted(set(map(str, settings.risk)) - _RISK_SETTINGS_READ)
    if ignored:
        yield f"The engine does not apply these risk settings: {', '.join(ignored)}. The strategy may."


def off_grid_share(candles: Candles, instrument: Instrument) -> float:
    """Share of closes that are not a whole number of ticks."""
    closes = np.ascontiguousarray(candles.close, np.float64)
    return count_off_grid(closes, instrument.tick_size, _GRID_TOLERANCE) / len(closes)


def _percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{share * 100:.0f} %"
