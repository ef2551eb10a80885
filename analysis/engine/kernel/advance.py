"""The march of time: candle by candle, or as far as nothing happens."""

import numpy as np
from numpy.typing import NDArray

from analysis.compiled import borrowed, compiled, inlined
from analysis.engine.kernel.ledger import book_swap, equity, quote, rebook, to_cents, worth
from analysis.engine.kernel.margin import stop_out
from analysis.engine.kernel.orders import arrive, notice, place_change, place_entry, trigger
from analysis.engine.kernel.paths import CANDLE_MS
from analysis.engine.kernel.positions import close_all, live_through, path_for
from analysis.engine.kernel.records import (
    CLOSE,
    HIGH,
    LOW,
    NEVER,
    NO_MARKET,
    NO_STOP,
    NO_TARGET,
    SPREAD,
    STOP,
    TIME,
    State,
)


@inlined
def _glide(k: State, row: int, end: int) -> int:
    """Let candles go by while nothing happens, from `row` to at most `end`, and return the first that is not quiet.

    Nearly all candles of a run are quiet, so this loop is what a backtest costs. It works on plain arrays and local
    values; the rest of the simulation is only called for the candles that are left.
    """
    return glide(k.market, k.symbol_of_row, k.rollovers, k.equity, k.account, k.symbols, row, end)


@compiled
def glide(  # noqa: C901 - one loop, because calls would cost more than what they do
    market: NDArray[np.int64],
    symbol_of_row: NDArray[np.int16],
    rollovers: NDArray[np.int64],
    equity_: NDArray[np.float64],
    account: NDArray[np.void],
    symbols: NDArray[np.void],
    row: int,
    end: int,
) -> int:
    """`_glide`, with the arrays it needs one by one."""
    cash = account[0].balance + account[0].swap
    next_rollover = _next_rollover(account, rollovers)
    margin_level = _margin_level(account)
    others = 0
    symbol = -1
    while row < end:
        if symbol_of_row[row] != symbol:
            symbol = symbol_of_row[row]
            s = symbols[symbol]
            if s.incoming > 0:
                return row
            long_stop, long_target, short_stop, short_target = s.long_stop, s.long_target, s.short_stop, s.short_target
            long_limit, short_limit = s.long_limit, s.short_limit
            long_trigger, short_trigger, expiry = s.long_trigger, s.short_trigger, s.expiry
            long_steps, long_cost, short_steps, short_cost = s.long_steps, s.long_cost, s.short_steps, s.short_cost
            waiting = expiry != NEVER or long_limit != NO_STOP or short_limit != NO_STOP
            waiting = waiting or long_trigger != NO_TARGET or short_trigger != NO_TARGET
            unit, others = s.unit, _worth_elsewhere(symbols, symbol)
        low, high, spread = market[LOW, row], market[HIGH, row], market[SPREAD, row]
        if long_steps > 0 and (low <= long_stop or high >= long_target):
            return row
        if short_steps > 0 and (-high - spread <= short_stop or -low - spread >= short_target):
            return row
        if waiting and (
            low + spread <= long_limit
            or high + spread >= long_trigger
            or -high <= short_limit
            or -low >= short_trigger
            or expiry < market[TIME, row] + CANDLE_MS
        ):
            return row
        if next_rollover != NEVER and market[TIME, row] >= next_rollover:
            return row
        total = cash + others
        if long_steps > 0 or short_steps > 0:
            if margin_level != -NEVER:
                worst = min(
                    to_cents((low * long_steps - long_cost - (low + spread) * short_steps - short_cost) * unit),
                    to_cents((high * long_steps - long_cost - (high + spread) * short_steps - short_cost) * unit),
                )
                if total + worst <= margin_level:
                    return row
            bid = market[CLOSE, row]
            total += to_cents((bid * long_steps - long_cost - (bid + spread) * short_steps - short_cost) * unit)
        equity_[row] = total / 100.0
        if len(symbols) > 1:
            symbols[symbol].bid, symbols[symbol].spread = market[CLOSE, row], spread
        row += 1
    return row


@inlined
def _next_rollover(account: NDArray[np.void], rollovers: NDArray[np.int64]) -> int:
    """When open positions next pay swap; NEVER without any."""
    if account[0].positions > 0 and account[0].next_rollover < rollovers.shape[1]:
        return int(rollovers[0, account[0].next_rollover])
    return NEVER


@inlined
def _margin_level(account: NDArray[np.void]) -> int:
    """The equity in cents that stops the account out; -NEVER where nothing does."""
    return int(np.floor(account[0].margin * account[0].stop_out * 100.0)) if account[0].margin > 0.0 else -NEVER


@inlined
def _worth_elsewhere(symbols: NDArray[np.void], symbol: int) -> int:
    """What is open in the other symbols is worth in cents, at their last quotes."""
    others = 0
    for other in range(len(symbols)):
        if other != symbol:
            others += worth(symbols[other], symbols[other].bid, symbols[other].spread)
    return others


@inlined
def _exits(k: State, row: int) -> None:
    """Let a candle go by for the open positions of its symbol: the rest of it for those it has already
    touched."""
    symbol = k.symbol_of_row[row]
    low, high, spread = k.market[LOW, row], k.market[HIGH, row], k.market[SPREAD, row]
    i = 0
    while i < k.account[0].positions:
        p = k.positions[i]
        touched = p.seen_row == row
        if p.symbol != symbol or (touched and p.seen_ms >= CANDLE_MS):
            i += 1
            continue
        if not touched:
            worst, best = (low, high) if p.direction > 0 else (-high - spread, -low - spread)
            if p.stop < worst and p.target > best:
                i += 1
                continue
        from_ms = p.seen_ms if touched else 0
        if not live_through(k, i, row, path_for(k, row, p.direction, from_ms, CANDLE_MS), from_ms):
            i += 1
    rebook(k, symbol)


@inlined
def _live_row(k: State, row: int) -> None:
    """A candle in which something happens."""
    s = k.symbols[k.symbol_of_row[row]]
    book_swap(k, row)
    if s.incoming > 0:
        arrive(k, row)
    limits = s.long_limit != NO_STOP or s.short_limit != NO_STOP
    if limits or s.long_trigger != NO_TARGET or s.short_trigger != NO_TARGET:
        trigger(k, row)
    if k.account[0].margin > 0.0:
        stop_out(k, row, True)
    _exits(k, row)
    if k.account[0].margin > 0.0:
        stop_out(k, row, False)


@inlined
def go_by(k: State, commit: int) -> None:
    """Let the candles before row `commit` go by."""
    account = k.account[0]
    while account.row < commit:
        row = _glide(k, account.row, commit)
        if row > account.row:
            quote(k, row - 1)
        account.row = row
        if row < commit:
            _live_row(k, row)
            quote(k, row)
            k.equity[row] = equity(k) / 100.0
            account.row = row + 1


@inlined
def _look_ahead(k: State, commit: int, horizon: int) -> int:
    """The first row from `commit` on in which something will happen if no new order comes, at most `horizon`.

    Only the equity of the quiet rows before it is written.
    """
    if len(k.symbols) == 1:
        return _glide(k, commit, horizon)
    quotes = np.empty((len(k.symbols), 2), np.int64)
    for symbol in range(len(k.symbols)):
        quotes[symbol, 0], quotes[symbol, 1] = k.symbols[symbol].bid, k.symbols[symbol].spread
    row = _glide(k, commit, horizon)
    for symbol in range(len(k.symbols)):
        k.symbols[symbol].bid, k.symbols[symbol].spread = quotes[symbol, 0], quotes[symbol, 1]
    return row


@compiled
def run(
    market: NDArray[np.int64],
    symbol_of_row: NDArray[np.int16],
    rollovers: NDArray[np.int64],
    equity_: NDArray[np.float64],
    account: NDArray[np.void],
    symbols: NDArray[np.void],
    positions: NDArray[np.void],
    orders: NDArray[np.void],
    trades: NDArray[np.void],
    notices: NDArray[np.void],
    requests: NDArray[np.void],
    first: int,
    stop: int,
    codes: NDArray[np.int64],
    wanted: NDArray[np.float64],
    commit: int,
    horizon: int,
    finish: bool,
) -> tuple[int, int]:
    """Place the requests from `first` to `stop`, each when its time comes, and let time pass to row `commit`.

    The one function that Python calls; the arrays come one by one because that is the cheapest way in, and there is
    one so that it is compiled once. Codes and wanted lots of the requests go to `codes` and `wanted`. With `finish`,
    everything is closed at the end. Returns the next request, which is below `stop` when an array is full and must
    grow, and the first row from `commit` on in which something will happen, at most `horizon`.
    """
    k = State(
        borrowed(market), borrowed(symbol_of_row), borrowed(rollovers), borrowed(equity_), borrowed(account),
        borrowed(symbols), borrowed(positions), borrowed(orders), borrowed(trades), borrowed(notices),
    )  # fmt: skip
    for i in range(first, stop + 1):
        if i < stop:
            if _full(k):
                return i, 0
            go_by(k, requests[i].row)
            if requests[i].kind <= STOP:
                codes[i], wanted[i] = place_entry(k, requests[i])
            else:
                codes[i], wanted[i] = place_change(k, requests[i]), 0.0
        else:
            go_by(k, commit)
    if finish:
        for i in range(k.account[0].orders):
            if k.orders[i].active == 0:
                notice(k, k.orders[i].id, NO_MARKET, commit)
        close_all(k)
    return stop, _look_ahead(k, commit, horizon)


@inlined
def _full(k: State) -> bool:
    """Whether the next order might find no room."""
    a = k.account[0]
    return (
        a.positions + a.orders + 2 > len(k.positions)
        or a.orders + 2 > len(k.orders)
        or a.trades + a.positions + a.orders + 2 > len(k.trades)
        or a.notices + a.orders + 2 > len(k.notices)
    )
