"""Random candles and random plans for them, small and nasty: prices meet levels often, and to the tick."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings, Leg, run_portfolio
from analysis.instrument import Instrument

MINUTE = 60_000
LENGTHS = {"M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H4": 240, "D1": 1440}

# Ticks that are points and ticks that are not, tick values in odd currencies, coarse and fine volume steps.
INSTRUMENTS = (
    Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 5, 0.01, spread_points=7, swap_long=-38.33, swap_short=11.7),
    Instrument("EURUSD", 5, 1e-5, 1e-5, 0.9137, 100_000, 0.1, 4, 0.03, spread_points=3, swap_mode="money",
               swap_long=-0.725, swap_short=0.31, swap_triple_day=5, margin_rate=0.5),
    Instrument("US500", 2, 0.01, 0.25, 0.0837, 10, 0.2, 30, 0.1, spread_points=60, swap_mode="percent",
               swap_long=-5.55, swap_short=2.5, swap_triple_day=1, margin_rate=2.0),
)  # fmt: skip
# The hours around a rollover in New York: a Tuesday, a Wednesday, a Friday, and the nights the clocks change.
STARTS = tuple(
    round(datetime.fromisoformat(text).timestamp() * 1000)
    for text in (
        "2026-01-06T21:30:00+00:00", "2026-01-07T21:45:00+00:00", "2026-01-09T21:20:00+00:00",
        "2026-03-06T21:40:00+00:00", "2026-10-30T20:40:00+00:00", "2026-01-05T00:00:00+00:00",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One run: for every symbol candles, contract and what is asked for by the open time of a bar."""

    legs: tuple[tuple[Candles, Instrument, Mapping[int, list[dict[str, Any]]]], ...]
    settings: BacktestSettings
    warm_up: int


class Planned:
    """Asks on every bar for what is planned for it."""

    def __init__(self, plan: Mapping[int, list[dict[str, Any]]], warm_up: int) -> None:
        self.plan, self.warm_up = plan, warm_up

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        return self.warm_up

    def _ensure_indicators(self, df_input: Any) -> Any:
        return df_input

    def run_tick(self, df_current_window: Any, account_equity: float) -> Any:
        return self.plan.get(round(df_current_window.index[-1].timestamp() * 1000), [])


def run_case(case: Case) -> BacktestResult:
    """The engine's result."""
    legs = [Leg(Planned(plan, case.warm_up), candles, instrument) for candles, instrument, plan in case.legs]
    return run_portfolio(legs, case.settings)


def random_case(seed: int) -> Case:
    """A case of a few dozen candles; everything about it comes from the seed."""
    rng = np.random.default_rng(seed)
    settings = random_settings(rng)
    count = int(rng.choice([1, 1, 1, 2, 3]))
    chosen = [INSTRUMENTS[i] for i in rng.permutation(3)[:count]]
    minutes = LENGTHS[settings.timeframe]
    start = int(rng.choice(STARTS))
    legs = []
    for instrument in chosen:
        candles = random_candles(rng, instrument, start, minutes)
        legs.append((candles, instrument, random_plan(rng, candles, instrument, minutes, [i.symbol for i in chosen])))
    if rng.random() < 0.2:
        middle = int(legs[0][0].time[len(legs[0][0]) // 3])
        settings = BacktestSettings(**{**vars(settings), "trade_from": middle})
    return Case(tuple(legs), settings, int(rng.choice([1, 1, 3])))


def random_settings(rng: np.random.Generator) -> BacktestSettings:
    def pick(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    return BacktestSettings(
        initial_equity=pick(10_000.0, 10_000.0, 2_500.5, 733.33),
        timeframe=pick("M1", "M1", "M1", "M5", "M15", "M30", "H1", "H4", "D1"),
        slippage_ms=pick(0, 0, 0, 700, 13_337, 20_000, 40_000, 45_000, 59_999, 60_000, 61_000, 150_000),
        slippage_r=pick(0.0, 0.0, 0.05, 0.1, 0.25),
        spread_points=pick(None, None, 0, 12, 50),
        commission_per_lot=pick(0.0, 3.5, 3.35, 0.25),
        intrabar=pick("pessimistic", "optimistic", "ohlc"),
        risk=pick({}, {}, {"max_open_positions": 1}, {"max_open_positions": 3}),
        leverage=pick(None, None, 500.0, 200.0, 100.0, 30.0, 3.0),
        stop_out_level=pick(50.0, 50.0, 20.0, 100.0, 0.0),
        rollover_time=pick("17:00", "17:00", "16:45", "00:00"),
        rollover_timezone=pick("America/New_York", "America/New_York", "UTC", "Europe/Helsinki"),
    )


def random_candles(rng: np.random.Generator, instrument: Instrument, start: int, minutes: int) -> Candles:
    """Missing minutes, a gap of hours or a weekend, jumps, flat candles, candles of many sizes, spreads or none."""
    count = int(rng.integers(30, 90))
    steps = np.where(rng.random(count) < 0.15, rng.integers(2, 6, count), 1)
    if minutes > 5:
        steps = np.maximum(steps, rng.integers(1, minutes // 3 + 2, count))
    if rng.random() < 0.5:
        steps[rng.integers(1, count)] = int(rng.choice([180, 1440, 2880 + 60]))
    time = start + (np.cumsum(steps) - steps[0]).astype(np.int64) * MINUTE
    size = int(rng.choice([3, 10, 40, 150]))
    jump = np.where(rng.random(count) < 0.15, rng.integers(-5 * size, 5 * size + 1, count), 0)
    body = rng.integers(-size, size + 1, count) * (rng.random(count) > 0.1)
    close = 10_000 + np.cumsum(jump + body)
    open_ = close - body
    up, down = (rng.integers(0, size + 1, count) * (rng.random(count) > 0.2) for _ in range(2))
    high, low = np.maximum(open_, close) + up, np.minimum(open_, close) - down
    shift = max(0, 1_000 - int(low.min()))
    prices = [np.round((ticks + shift) * instrument.tick_size, 8) for ticks in (open_, high, low, close)]
    spread = np.full(count, -1) if rng.random() < 0.3 else rng.integers(-1, 40, count) * int(rng.choice([1, 1, 5]))
    spread = np.maximum(spread, -1)
    return Candles(instrument.symbol, time, *prices, np.ones(count, np.int64), spread.astype(np.int32))


def random_plan(
    rng: np.random.Generator, candles: Candles, instrument: Instrument, minutes: int, symbols: Sequence[str]
) -> dict[int, list[dict[str, Any]]]:
    """Actions on some of the bars, with levels near the close."""
    length = minutes * MINUTE
    size = float(np.median((candles.high - candles.low) / instrument.tick_size))
    reach = max(2, int(size * rng.choice([1, 2, 10])))
    plan: dict[int, list[dict[str, Any]]] = {}
    often = float(rng.choice([0.1, 0.3, 0.8]))
    for row in range(len(candles)):
        opened = int(candles.time[row]) // length * length
        if rng.random() < often:
            close, now = float(candles.close[row]), opened + length
            plan.setdefault(opened, []).append(random_action(rng, instrument, close, reach, now, symbols))
    return plan


def random_action(
    rng: np.random.Generator, instrument: Instrument, close: float, reach: int, now: int, symbols: Sequence[str]
) -> dict[str, Any]:
    """One action; some of them cannot be carried out."""
    kind = rng.choice(["OPEN_TRADE", "CLOSE_TRADE", "MODIFY_TRADE", "CANCEL_ORDER"], p=[0.6, 0.16, 0.16, 0.08])
    side = str(rng.choice(["BUY", "SELL"]))
    sign = 1 if side == "BUY" else -1

    def price(ticks: int) -> float:
        return round(close + ticks * instrument.tick_size, 8)

    def distance() -> int:
        return int(rng.integers(-1, reach)) if rng.random() < 0.2 else int(rng.integers(1, reach + 1))

    if kind == "OPEN_TRADE":
        return random_entry(rng, side, price, distance, now)
    which: dict[str, Any] = {}
    name = "order_id" if kind == "CANCEL_ORDER" else "trade_id"
    chance = rng.random()
    if chance < 0.3:
        which[name] = int(rng.integers(1, 12))
    elif chance < 0.7:
        which["tag"] = str(rng.choice(["a", "b"]))
    if len(symbols) > 1 and rng.random() < 0.1:
        which["symbol"] = str(rng.choice(symbols))
    if kind == "MODIFY_TRADE":
        which["sl"] = None if rng.random() < 0.1 else price(-sign * distance())
        if rng.random() < 0.5:
            which["tp"] = None if rng.random() < 0.2 else price(sign * distance())
    if kind == "CLOSE_TRADE" and rng.random() < 0.5:
        which["lots"] = float(rng.choice([0.01, 0.1, 0.33, 0.5, 2.0]))
    return {"action": str(kind), **which}


def random_entry(
    rng: np.random.Generator, side: str, price: Callable[[int], float], distance: Callable[[], int], now: int
) -> dict[str, Any]:
    """A market, limit or stop entry."""
    sign = 1 if side == "BUY" else -1
    action: dict[str, Any] = {"action": "OPEN_TRADE", "side": side, "tag": str(rng.choice(["a", "b", ""]))}
    at = 0
    entry_type = str(rng.choice(["market", "market", "limit", "stop"]))
    if entry_type != "market":
        at = distance() * (1 if (entry_type == "stop") == (side == "BUY") else -1)
        action |= {"entry_type": entry_type, "price": price(at)}
        if rng.random() < 0.5:
            wait = int(rng.choice([20_000, 40_000, 60_000, 90_000, 180_000, 200_123, 1_200_000]))
            action["expiry"] = datetime.fromtimestamp(now / 1000, UTC) + timedelta(milliseconds=wait)
    action["sl"] = None if rng.random() < 0.25 else price(at - sign * distance())
    if rng.random() < 0.8:
        action["tp"] = price(at + sign * distance())
    if action["sl"] is not None and rng.random() < 0.3:
        return action | {"risk_percent": float(rng.choice([0.5, 1.0, 5.0, 40.0]))}
    return action | {"lots": float(rng.choice([0.001, 0.1, 0.35, 0.37, 1.0, 1.0, 2.5, 7.0]))}
