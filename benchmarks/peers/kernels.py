"""The benchmark's rules compiled with numba: the floor of the ratios, and the referee of everybody's trades.

The switches of `simulate` are the known differences between the engines' fill models. The engine that is compared
must make the trades of its own switches exactly; nothing else may differ.
"""

import math

import numpy as np
from numba import njit

from benchmarks.peers.rules import FIRST_BAR, INITIAL_EQUITY, RISK, SL_ATR, SMALLEST_STOP, TP_ATR

_DAY_MS = 86_400_000


@njit(cache=True, nogil=True)
def ema(values, length):
    """Seeded with the mean of the first `length` values, as analysis.indicators does."""
    out = np.full(len(values), np.nan)
    if len(values) < length:
        return out
    average = values[:length].mean()
    out[length - 1] = average
    alpha = 2.0 / (length + 1)
    for bar in range(length, len(values)):
        average += alpha * (values[bar] - average)
        out[bar] = average
    return out


@njit(cache=True, nogil=True)
def atr(high, low, close, length):
    """Wilder's, seeded with the mean of the first `length` true ranges; the first bar has none."""
    out = np.full(len(close), np.nan)
    if len(close) <= length:
        return out
    average = 0.0
    for bar in range(1, length + 1):
        average += max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1])
    average /= length
    out[length] = average
    for bar in range(length + 1, len(close)):
        true_range = max(high[bar], close[bar - 1]) - min(low[bar], close[bar - 1])
        average += (true_range - average) / length
        out[bar] = average
    return out


@njit(cache=True, nogil=True)
def crossings(fast, slow):
    """+1 where the fast average has just crossed above the slow one, -1 below, 0 elsewhere."""
    out = np.zeros(len(fast), np.int8)
    for bar in range(FIRST_BAR, len(fast)):
        if fast[bar - 1] <= slow[bar - 1] and fast[bar] > slow[bar]:
            out[bar] = 1
        elif fast[bar - 1] >= slow[bar - 1] and fast[bar] < slow[bar]:
            out[bar] = -1
    return out


@njit(cache=True, nogil=True)
def levels(side, close, atr_values):
    """SL and TP of each signal."""
    stop = close - side * (SL_ATR * atr_values)
    target = close + side * (TP_ATR * atr_values)
    return stop, target


@njit(cache=True, nogil=True)
def _exit_price(side, open_, high, low, stop, target, by_path, at_trigger):
    """Where a position that is open at the bar's open ends within it, NaN when it does not."""
    stop_hit = low <= stop if side > 0 else high >= stop
    target_hit = high >= target if side > 0 else low <= target
    if not (stop_hit or target_hit):
        return np.nan
    opens_at_target = open_ >= target if side > 0 else open_ <= target
    if by_path and stop_hit and target_hit:  # open, high, low, close: a long meets its target first
        opens_at_stop = open_ <= stop if side > 0 else open_ >= stop
        stop_hit = opens_at_stop or (side < 0 and not opens_at_target)
    if stop_hit:
        return stop if at_trigger else (min(open_, stop) if side > 0 else max(open_, stop))
    return target if at_trigger else (max(open_, target) if side > 0 else min(open_, target))


@njit(cache=True, nogil=True)
def _beside(side, entered, stop, target):
    """Levels that are on their side of the entry, if only just."""
    below, above = entered * (1.0 - SMALLEST_STOP), entered * (1.0 + SMALLEST_STOP)
    if side > 0:
        return min(stop, below), max(target, above)
    return max(stop, above), min(target, below)


@njit(cache=True, nogil=True)
def simulate(candles, side, stop, target, entry_bar_live, beside_entry, enter_at_close, by_path, at_trigger):
    """Trades and the equity at every close.

    `candles` are open, high, low, close. The switches:
    - `entry_bar_live`: SL and TP are watched in the bar of entry.
    - `beside_entry`: levels that a gap has put on the wrong side of the entry are moved next to it.
    - `enter_at_close`: of the signal's bar, instead of at the next open.
    - `by_path`: a bar that reaches both levels goes open, high, low, close, instead of SL first. Where it closes at its
      low, no price comes after an exit there: an entry at the close on the same side gets the price of that exit.
    - `at_trigger`: a level that is jumped over fills at the level, instead of at the open.

    Returns entry bars, exit bars, sides, entry prices, exit prices, equity.
    """
    open_, high, low, close = candles
    n = len(close)
    most = n // 8 + 16
    entry_bar, exit_bar = np.empty(most, np.int64), np.empty(most, np.int64)
    sides = np.empty(most, np.int8)
    entry_price, exit_price = np.empty(most), np.empty(most)
    equity = np.empty(n)
    cash, count, position, units, entered = INITIAL_EQUITY, 0, 0, 0.0, 0.0
    sl = tp = waiting_units = 0.0
    waiting, first_live = 0, 0
    for bar in range(n):
        if waiting != 0:
            position, units, entered = waiting, waiting_units, open_[bar]
            entry_bar[count], sides[count], entry_price[count] = bar, position, entered
            first_live, waiting = (bar if entry_bar_live else bar + 1), 0
            if beside_entry:
                sl, tp = _beside(position, entered, sl, tp)
        if position != 0 and bar >= first_live:
            price = _exit_price(position, open_[bar], high[bar], low[bar], sl, tp, by_path, at_trigger)
            if not math.isnan(price):
                cash += units * position * (price - entered)
                exit_bar[count], exit_price[count] = bar, price
                count, position = count + 1, 0
        equity[bar] = cash + units * position * (close[bar] - entered) if position != 0 else cash
        if position == 0 and side[bar] != 0:
            entered = close[bar]
            if by_path and count > 0 and exit_bar[count - 1] == bar and sides[count - 1] == -side[bar]:
                level = sl if sides[count - 1] > 0 else tp  # the one below the price
                last_price = close[bar] == low[bar] and (open_[bar] > level or open_[bar] == low[bar])
                entered = level if last_price and exit_price[count - 1] == level else entered
            sl, tp = stop[bar], target[bar]
            waiting_units = RISK * cash / abs(close[bar] - sl)
            if not enter_at_close:
                waiting = side[bar]
                continue
            position, units, first_live = side[bar], waiting_units, bar + 1
            entry_bar[count], sides[count], entry_price[count] = bar, position, entered
    return entry_bar[:count], exit_bar[:count], sides[:count], entry_price[:count], exit_price[:count], equity


def after_last_exit(equity, exit_bars):
    """The equity when the last trade that ended had ended: a trade may be open at the end, and engines count it
    differently."""
    return equity[exit_bars[-1]] if len(exit_bars) else INITIAL_EQUITY


@njit(cache=True, nogil=True)
def statistics(time_ms, equity, sides, entry_price, exit_price):
    """Return and deepest drawdown (shares), daily Sharpe ratio, win rate."""
    peak, fall = INITIAL_EQUITY, 0.0
    total = squares = 0.0
    days, before = 0, INITIAL_EQUITY
    for bar in range(len(equity)):
        peak = max(peak, equity[bar])
        fall = max(fall, 1.0 - equity[bar] / peak)
        if bar + 1 == len(equity) or time_ms[bar + 1] // _DAY_MS != time_ms[bar] // _DAY_MS:
            change = equity[bar] / before - 1.0
            total, squares, days, before = total + change, squares + change * change, days + 1, equity[bar]
    mean = total / days
    deviation = math.sqrt(max((squares - days * mean * mean) / max(days - 1, 1), 0.0))
    wins = 0
    for trade in range(len(sides)):
        wins += sides[trade] * (exit_price[trade] - entry_price[trade]) > 0.0
    sharpe = mean / deviation * math.sqrt(252.0) if deviation > 0.0 else 0.0
    return equity[-1] / INITIAL_EQUITY - 1.0, fall, sharpe, wins / max(len(sides), 1)
