"""The compiled market simulation as Python drives it: arrays laid out, requests in, trades and equity out."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.candles import MINUTE_MS, Candles
from analysis.compiled import entry_point
from analysis.engine.kernel.advance import run
from analysis.engine.kernel.records import (
    ACCOUNT,
    NEVER,
    NO_STOP,
    NO_TARGET,
    NOTICE,
    OHLC,
    OPTIMISTIC,
    ORDER,
    PESSIMISTIC,
    POSITION,
    REQUEST,
    SPREAD,
    SYMBOL,
    TIME,
    TRADE,
    Request,
    State,
)
from analysis.engine.market import Market, quote_market
from analysis.engine.result import BacktestSettings, Intrabar
from analysis.engine.rollover import rollovers
from analysis.errors import NoCandles
from analysis.instrument import Instrument

_NOTICES = ACCOUNT.names.index("notices") if ACCOUNT.names else 0
_LAST_ORDER = ACCOUNT.names.index("last_order") if ACCOUNT.names else 0
_ROOM = 256  # places for positions, orders, trades and notices to begin with
_AT_ONCE = 16  # requests that fit without growing
_PACKED = struct.Struct("=7q6d")  # a REQUEST
_RULES = {Intrabar.PESSIMISTIC: PESSIMISTIC, Intrabar.OPTIMISTIC: OPTIMISTIC, Intrabar.OHLC: OHLC}


class Simulation:
    """One account in a market. Rows are candles of the merged market; what happens at a row is decided before it."""

    def __init__(
        self, market: Market, instruments: Sequence[Instrument], settings: BacktestSettings, first_row: int
    ) -> None:
        self.market = market
        self._rows = len(market)
        self.first_row = first_row
        self.instruments = tuple(instruments)
        self.symbols = {instrument.symbol: place for place, instrument in enumerate(instruments)}
        self.tags: list[str] = [""]
        self._tag_codes = {"": 0}
        self._initial = round(settings.initial_equity * 100)
        self._curve = np.zeros(len(market) + 1)  # of the equity, with a place for what it was before the first row
        self._curve[first_row] = self._initial / 100
        self.state = State(
            market=market.columns,
            symbol_of_row=market.symbol,
            rollovers=rollovers(market.columns[TIME], instruments, settings),
            equity=self._curve[1:],
            account=_account(settings, self._initial, first_row),
            symbols=_symbols(instruments, settings),
            positions=np.zeros(_ROOM, POSITION),
            orders=np.zeros(_ROOM, ORDER),
            trades=np.zeros(_ROOM, TRADE),
            notices=np.zeros(_ROOM, NOTICE),
        )
        for symbol in range(len(instruments)):  # quotes from before the first row
            last = market.last_row(symbol, first_row)
            if last >= 0:
                self.state.symbols[symbol]["bid"] = market.columns[4, last]
                self.state.symbols[symbol]["spread"] = market.columns[SPREAD, last]
        self.version = 0  # of what is open and waiting
        self.equity = self.state.equity.data  # a memory view reads one value fastest
        self._account = self.state.account.view(np.int64).data
        self._asked = 0
        self._requests = np.zeros(0, REQUEST)
        self._make_room_to_ask(_AT_ONCE)
        run(*self.state, self._requests, 0, 0, self._codes, self._wanted, first_row, first_row, False)
        self._run = entry_point(run)

    def ask(self, request: Request) -> None:
        """A request for the row that time has come to. It is placed when time next goes on, after those before it."""
        if self._asked == len(self._requests):
            self._make_room_to_ask(2 * self._asked)
        _PACKED.pack_into(self._packed, self._asked * _PACKED.size, *request)
        self._asked += 1

    def advance(self, commit: int, horizon: int) -> int:
        """Place what was asked for, and let the candles before row `commit` go by. Returns the next row in which
        something will happen unless it is told otherwise, at most `horizon`."""
        self.version += 1
        horizon, done = min(horizon, self._rows), 0
        while True:
            done, row = self._run(
                *self.state, self._requests, done, self._asked, self._codes, self._wanted, commit, horizon, False
            )
            if done == self._asked:
                self._asked = 0
                return row
            self._grow(self._asked - done)

    def place(self, requests: NDArray[np.void], commit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Place requests in their order, each when its row has come, then go on to row `commit`.

        Returns a code for each (see `records`) and the lots that entries came to before they were rounded.
        """
        codes, wanted, done = np.zeros(len(requests), np.int64), np.zeros(len(requests)), 0
        self.version += 1
        self._grow(len(requests))
        while True:
            done, _ = self._run(*self.state, requests, done, len(requests), codes, wanted, commit, commit, False)
            if done == len(requests):
                return codes, wanted
            self._grow(len(requests) - done)

    def finish(self) -> None:
        """Let the last candles go by and close what is open."""
        end = len(self.market)
        self._run(*self.state, self._requests, 0, 0, self._codes, self._wanted, end, end, True)

    def tag(self, text: str) -> int:
        """The number that stands for a tag."""
        code = self._tag_codes.get(text)
        if code is None:
            code = self._tag_codes[text] = len(self.tags)
            self.tags.append(text)
        return code

    def own_tag(self, text: str) -> int:
        """A number of its own that stands for a tag, for who must know again what came of one order."""
        self.tags.append(text)
        return len(self.tags) - 1

    @property
    def positions(self) -> NDArray[np.void]:
        """POSITION records of what is open, in order of entry."""
        return self.state.positions[: self.state.account[0]["positions"]]

    @property
    def orders(self) -> NDArray[np.void]:
        """ORDER records of what is on its way or waits, in the order in which it was sent."""
        return self.state.orders[: self.state.account[0]["orders"]]

    @property
    def trades(self) -> NDArray[np.void]:
        """TRADE records in the order in which trades ended."""
        return self.state.trades[: self.state.account[0]["trades"]]

    @property
    def last_order(self) -> int:
        """The id of the newest order."""
        return self._account[_LAST_ORDER]

    @property
    def has_notices(self) -> bool:
        """Whether orders came to nothing."""
        return self._account[_NOTICES] > 0

    def notices(self) -> list[tuple[int, int]]:
        """Orders that came to nothing since the last call: id and code."""
        count = self._account[_NOTICES]
        if count == 0:
            return []
        self.state.account[0]["notices"] = 0
        return [(int(n["order"]), int(n["code"])) for n in self.state.notices[:count]]

    def equity_curve(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times (epoch milliseconds) and equity: the start, then every M1 close since."""
        time = self.market.columns[TIME, self.first_row :]
        curve = self._curve[self.first_row :]
        if len(self.instruments) > 1:
            last = np.append(np.diff(time) != 0, True)
            time, curve = time[last], curve[np.append(True, last)]
        times = np.empty(len(curve), np.int64)
        times[0] = time[0]
        np.add(time, MINUTE_MS, out=times[1:])
        return times, curve

    def _make_room_to_ask(self, count: int) -> None:
        self._requests = np.concatenate([self._requests, np.zeros(count - len(self._requests), REQUEST)])
        self._packed = self._requests.view(np.uint8).data
        self._codes, self._wanted = np.zeros(count, np.int64), np.zeros(count)
        # Of what the last `advance` placed: what came of it, and the lots of an entry before they were rounded.
        self.codes, self.wanted = self._codes.data, self._wanted.data

    def _grow(self, expected: int) -> None:
        """More room for what is more than half full, with `expected` requests to come."""
        account = self.state.account[0]
        coming = int(account["positions"] + account["orders"]) + 2
        for name in ("positions", "orders", "trades", "notices"):
            old = getattr(self.state, name)
            room = 2 * (int(account[name]) + coming) + (expected if name in ("trades", "notices") else 0)
            if room > len(old):
                new = np.zeros(room, old.dtype)
                new[: len(old)] = old
                self.state = self.state._replace(**{name: new})


def open_market(series: Sequence[Candles], instruments: Sequence[Instrument], settings: BacktestSettings) -> Simulation:
    """An account in the market of these candles, at `trade_from`. Raises NoCandles, CorruptCandles."""
    market = quote_market(series, instruments, settings.spread_points)
    start = settings.trade_from
    first_row = 0 if start is None else int(np.searchsorted(market.columns[TIME], start))
    if first_row == len(market):
        raise NoCandles(f"There are no candles of {series[0].symbol} at or after trade_from")
    return Simulation(market, instruments, settings, first_row)


def _account(settings: BacktestSettings, initial: int, first_row: int) -> NDArray[np.void]:
    account = np.zeros(1, ACCOUNT)
    a = account[0]
    a["balance"], a["row"] = initial, first_row
    a["rule"] = _RULES[Intrabar(settings.intrabar)]
    a["slippage_ms"], a["slippage_r"] = settings.slippage_ms, settings.slippage_r
    a["max_open"] = settings.max_open_positions or 0
    a["stop_out"] = settings.stop_out_level / 100
    return account


def _symbols(instruments: Sequence[Instrument], settings: BacktestSettings) -> NDArray[np.void]:
    symbols = np.zeros(len(instruments), SYMBOL)
    for s, instrument in zip(symbols, instruments, strict=True):
        unit = instrument.tick_value * instrument.volume_step
        s["steps_min"] = _least_steps(instrument)
        s["steps_max"] = instrument.to_steps(instrument.volume_max)
        s["triple_day"] = instrument.swap_triple_day
        s["tick_size"], s["tick_value"], s["volume_step"] = (
            instrument.tick_size,
            instrument.tick_value,
            instrument.volume_step,
        )
        s["unit"], s["commission_per_lot"] = unit, settings.commission_per_lot
        if settings.leverage is not None:
            s["margin_per_unit"] = unit * instrument.margin_rate / settings.leverage
        s["swap_is_percent"] = instrument.swap_mode == "percent"
        s["swap_long"], s["swap_short"] = (
            _swap(instrument, rate) for rate in (instrument.swap_long, instrument.swap_short)
        )
        for name in ("long_stop", "short_stop", "long_limit", "short_limit"):
            s[name] = NO_STOP
        for name in ("long_target", "short_target", "long_trigger", "short_trigger"):
            s[name] = NO_TARGET
        s["expiry"] = NEVER
    return symbols


def _least_steps(instrument: Instrument) -> int:
    steps = instrument.to_steps(instrument.volume_min)
    return steps if instrument.from_steps(steps) >= instrument.volume_min else steps + 1


def _swap(instrument: Instrument, rate: float) -> float:
    """What a night brings per volume step: money, or (percent) per tick of price and unit of money."""
    if instrument.swap_mode == "money":
        return rate * instrument.volume_step
    if instrument.swap_mode == "percent":
        return rate / 100 / 360
    return rate * instrument.point / instrument.tick_size * instrument.tick_value * instrument.volume_step


def price_or_none(instrument: Instrument, level: int, direction: int, absent: int) -> float | None:
    """A mirrored level as a price."""
    return None if level == absent else instrument.from_ticks(level * direction)
