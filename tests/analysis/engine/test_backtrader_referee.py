"""The engine and backtrader, an engine of other people, trade real candles alike; every difference has a name."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.instrument import Instrument
from tests.analysis.engine.crossover import bars_of, crossings, to_tick
from tests.analysis.engine.referee_market import MINUTE, MINUTES
from tests.analysis.engine.stock_backtrader import Entry, Played, play_backtrader

INSTRUMENTS = {
    "XAUUSD": Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 100, 0.01),
    "EURUSD": Instrument("EURUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 100, 0.01),
    "GBPUSD": Instrument("GBPUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 100, 0.01),
}
WIDE, NARROW = (2.0, 3.0), (0.5, 0.5)  # SL and TP in ATR; with narrow levels a candle often holds both
CASES = [  # every set of real candles, by M1 and one of them by M5 as well; the trades, and those that differ
    ("m1/XAUUSD", "M1", "pessimistic", WIDE, 1028, 0), ("m1/EURUSD", "M1", "pessimistic", WIDE, 908, 0),
    ("m1/GBPUSD", "M1", "pessimistic", NARROW, 700, 0), ("h1/XAUUSD", "H1", "pessimistic", WIDE, 910, 0),
    ("m1/GBPUSD", "M5", "optimistic", WIDE, 73, 0), ("m1/GBPUSD", "M1", "optimistic", NARROW, 700, 0),
    ("m1/EURUSD", "M1", "optimistic", NARROW, 1043, 1),
]  # fmt: skip


class Follower:
    """Takes the planned entries while it has no position."""

    positions: tuple[Any, ...] = ()

    def __init__(self, plan: Mapping[int, Entry]) -> None:
        self.plan = {opened: action(entry) for opened, entry in plan.items()}

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        return 1

    def _ensure_indicators(self, df_input: pd.DataFrame) -> pd.DataFrame:
        return df_input

    def run_tick(self, df_current_window: pd.DataFrame, account_equity: float) -> list[dict[str, Any]]:
        asked = self.plan.get(df_current_window.index[-1].value // 1_000_000, [])
        return [] if self.positions else asked


def action(entry: Entry) -> list[dict[str, Any]]:
    side = "BUY" if entry.side > 0 else "SELL"
    return [{"action": "OPEN_TRADE", "side": side, "lots": 1.0, "sl": entry.sl, "tp": entry.tp}]


def read(folder: Path, name: str) -> Candles:
    """Real candles; backtrader knows no ask, so without spread."""
    frame = pd.read_parquet(folder / f"{name}.parquet").set_index("time")
    candles = Candles.from_frame(name.split("/")[1], frame)
    return replace(candles, spread=np.zeros(len(candles), np.int32))


def planned(candles: Candles, instrument: Instrument, minutes: int, levels: tuple[float, float]) -> dict[int, Entry]:
    """Entries by the open time of the bar that completes a crossing of two averages."""
    plan = {}
    for opened, side, close, range_ in crossings(bars_of(candles, minutes)):
        sl, tp = (to_tick(close + side * far * range_, instrument) for far in (-levels[0], levels[1]))
        if (close - sl) * side >= instrument.tick_size and (tp - close) * side >= instrument.tick_size:
            plan[opened] = Entry(side, sl, tp)
    return plan


def play_ours(
    candles: Candles, instrument: Instrument, plan: Mapping[int, Entry], timeframe: str, rule: str
) -> list[Played]:
    settings = BacktestSettings(initial_equity=1e9, timeframe=timeframe, intrabar=rule, spread_points=0)
    trades = []
    for t in run_backtest(Follower(plan), candles, instrument, settings).trades:
        entered, left = (int(np.searchsorted(candles.time, moment)) for moment in (t.entry_time, t.exit_time))
        way_in = (1 if t.side == "BUY" else -1), entered, t.entry_price
        ended = t.exit_reason == "end_of_data"
        trades.append(Played(*way_in) if ended else Played(*way_in, left, t.exit_price, t.exit_reason))
    return trades


def play_theirs(candles: Candles, plan: Mapping[int, Entry], minutes: int, how: str) -> list[Played]:
    """backtrader decides on the last candle of each bar."""
    return play_backtrader(candles, by_row(candles, plan, minutes), how)


def by_row(candles: Candles, plan: Mapping[int, Entry], minutes: int) -> dict[int, Entry]:
    """The plan by the row of the last candle of each bar."""
    length = minutes * MINUTE
    last = {opened: row for row, opened in enumerate((candles.time // length * length).tolist())}
    return {last[opened]: entry for opened, entry in plan.items()}


def alike(one: Played, other: Played, instrument: Instrument) -> bool:
    """The same side, candles and reason, and prices equal to half a tick."""
    pairs = ((one.entry_price, other.entry_price), (one.exit_price, other.exit_price))
    return replace(one, entry_price=0, exit_price=None) == replace(other, entry_price=0, exit_price=None) and all(
        (a is None) == (b is None) and (a is None or abs(a - b) < instrument.tick_size / 2) for a, b in pairs
    )


def gap_overruled(mine: Played, other: Played, candles: Candles, entry: Entry) -> bool:
    """backtrader goes through its orders by turns: the one that was submitted first is filled within a candle although
    the candle opened beyond the other level, where a market would have left at once."""
    if mine.exit_row is None or mine.exit_row != other.exit_row or mine.entry_row != other.entry_row:
        return False
    opened = float(candles.open[mine.exit_row])
    beyond = (opened - entry.sl) * entry.side <= 0 if mine.reason == "sl" else (opened - entry.tp) * entry.side >= 0
    level = entry.tp if other.reason == "tp" else entry.sl
    return beyond and mine.reason != other.reason and (mine.exit_price, other.exit_price) == (opened, level)


@pytest.mark.parametrize(("name", "timeframe", "rule", "levels", "trades", "named"), CASES)
def test_every_trade_on_real_candles_is_backtraders(sample_data, name, timeframe, rule, levels, trades, named):
    """SL and TP beside the entry in backtrader, the one that the rule prefers first: the same trades, all of them."""
    candles, minutes = read(sample_data, name), MINUTES[timeframe]
    instrument = INSTRUMENTS[candles.symbol]
    plan = planned(candles, instrument, minutes, levels)
    ours = play_ours(candles, instrument, plan, timeframe, rule)
    theirs = play_theirs(candles, plan, minutes, rule)
    differ = [(mine, other) for mine, other in zip(ours, theirs, strict=True) if not alike(mine, other, instrument)]
    asked = by_row(candles, plan, minutes)
    assert [pair for pair in differ if not gap_overruled(*pair, candles, asked[pair[0].entry_row - 1])] == []
    assert (len(ours), len(differ)) == (trades, named)


def test_brackets_differ_only_in_the_candle_of_the_entry(sample_data):
    """With backtrader's own brackets SL and TP sleep in the candle of the entry. That, and that one of the two is still
    in a trade when the other could enter, explains every difference."""
    candles = read(sample_data, "m1/GBPUSD")
    instrument = INSTRUMENTS["GBPUSD"]
    plan = planned(candles, instrument, 1, WIDE)
    ours = {trade.entry_row: trade for trade in play_ours(candles, instrument, plan, "M1", "pessimistic")}
    theirs = {trade.entry_row: trade for trade in play_theirs(candles, plan, 1, "bracket")}
    kinds = Counter(
        why_brackets_differ(ours.get(row), theirs.get(row), ours.values(), theirs.values(), instrument)
        for row in ours.keys() | theirs.keys()
    )
    assert set(kinds) == {"same", "candle of the entry", "other still in a trade"}
    assert kinds["same"] > kinds["candle of the entry"] > 0


def why_brackets_differ(
    mine: Played | None, other: Played | None, ours: Iterable[Played], theirs: Iterable[Played], instrument: Instrument
) -> str:
    if mine is None or other is None:
        entered, rest = (other, ours) if mine is None else (mine, theirs)
        assert entered is not None
        decided = entered.entry_row - 1
        busy = any(t.entry_row <= decided and (t.exit_row is None or t.exit_row > decided) for t in rest)
        return "other still in a trade" if busy else "missing"
    if alike(mine, other, instrument):
        return "same"
    slept = mine.exit_row == mine.entry_row and (other.exit_row is None or other.exit_row > mine.entry_row)
    return "candle of the entry" if slept and mine.entry_price == other.entry_price else "unexplained"
