"""Orders from the decision to the market."""

import math
from typing import Any

import numpy as np

from analysis.compiled import compiled, inlined
from analysis.engine.kernel.ledger import equity, rebook, rebook_orders, slippage_ticks, waiting_entries
from analysis.engine.kernel.margin import affordable
from analysis.engine.kernel.paths import CANDLE_MS, Path, after_limit, after_stop
from analysis.engine.kernel.positions import bid_at, close_at_market, enter, find, live_through, path_for
from analysis.engine.kernel.records import (
    CANCEL,
    CLOSE_POSITION,
    EXPIRED,
    KEEP,
    KEEP_LEVEL,
    LIMIT,
    LONG,
    MARKET,
    MOVE_LEVELS,
    NEVER,
    NO_MARKET,
    NO_MONEY,
    NO_STOP,
    NO_TARGET,
    PART_TOO_SMALL,
    PLACED,
    SPREAD,
    STOP,
    TIME,
    TOO_MANY_OPEN,
    UNKNOWN_ORDER,
    UNKNOWN_TRADE,
    VOLUME_TOO_SMALL,
    WRONG_SIDE_PRICE,
    WRONG_SIDE_SL,
    WRONG_SIDE_TP,
    State,
)

_STEP_HAIR = 1e-9  # a hair below a volume step counts as the step


@inlined
def notice(k: State, order_id: int, code: int, row: int) -> None:
    """Tell that an order came to nothing."""
    n = k.notices[k.account[0].notices]
    k.account[0].notices += 1
    n.order, n.code, n.row = order_id, code, row


@inlined
def append_order(k: State, kind: int, symbol: int, row: int) -> int:
    """A new order that sets off at `row`. Returns its place."""
    account = k.account[0]
    place = account.orders
    account.orders += 1
    account.last_order += 1
    o = k.orders[place]
    o.id, o.kind, o.symbol, o.row = account.last_order, kind, symbol, row
    o.direction, o.steps, o.price, o.tag, o.target_id = LONG, 0, 0, 0, 0
    o.stop, o.target, o.expiry = NO_STOP, NO_TARGET, NEVER
    o.arrival = o.active = 0
    k.symbols[symbol].incoming += 1
    return place


@inlined
def to_ticks(price: float, tick_size: float) -> int:
    """The whole number of ticks nearest to a price; exactly between two, the higher."""
    return int(math.floor(price / tick_size + 0.5))


@inlined
def to_steps(lots: float, volume_step: float, most: int) -> int:
    """Whole volume steps in `lots`, rounded down; a hair below a step counts as the step. At most one more than
    `most`."""
    if lots >= (most + 1) * volume_step:
        return most + 1
    return int(math.floor(lots / volume_step + _STEP_HAIR))


@inlined
def wrong_side(kind: int, price: int, stop: int, target: int, bid: int, spread: int, direction: int) -> int:
    """Levels are held against the price the strategy decided on: the close (bid), or the order's own price.

    A limit must be better than the price that would be filled now, a stop worse.
    """
    if kind == MARKET:
        against = bid * direction
    else:
        entering = bid + spread if direction == LONG else -bid
        if (kind == LIMIT and price >= entering) or (kind == STOP and price <= entering):
            return WRONG_SIDE_PRICE
        against = price
    if stop >= against:
        return WRONG_SIDE_SL
    if target <= against:
        return WRONG_SIDE_TP
    return PLACED


@inlined
def place_entry(k: State, r: Any) -> tuple[int, float]:
    """Check an entry that is asked for and send it off: its code and the lots that were wanted.

    It is judged by the last quote and the equity at it. More than the largest volume is cut to that.
    """
    s = k.symbols[r.symbol]
    stop = NO_STOP if np.isnan(r.sl) else to_ticks(r.sl, s.tick_size) * r.direction
    target = NO_TARGET if np.isnan(r.tp) else to_ticks(r.tp, s.tick_size) * r.direction
    level = 0 if r.kind == MARKET else to_ticks(r.price, s.tick_size) * r.direction
    code = wrong_side(r.kind, level, stop, target, s.bid, s.spread, r.direction)
    if code != PLACED:
        return code, 0.0
    lots = r.lots
    if not np.isnan(r.risk_percent):
        entering = level
        if r.kind == MARKET:
            entering = s.bid + s.spread if r.direction == LONG else -s.bid
        lots = max(equity(k) / 100.0 * r.risk_percent / 100.0 / ((entering - stop) * s.tick_value), 0.0)
    elif not np.isnan(r.lots_per_equity):
        lots = max(equity(k) / 100.0 * r.lots_per_equity, 0.0)
    steps = to_steps(lots, s.volume_step, s.steps_max)
    if steps < s.steps_min:
        return VOLUME_TOO_SMALL, lots
    account = k.account[0]
    if account.max_open > 0 and account.positions + waiting_entries(k) >= account.max_open:
        return TOO_MANY_OPEN, lots
    if r.row >= k.market.shape[1]:
        return NO_MARKET, lots
    o = k.orders[append_order(k, r.kind, r.symbol, r.row)]
    o.direction, o.steps, o.price, o.stop, o.target = r.direction, min(steps, s.steps_max), level, stop, target
    o.expiry, o.tag = r.expiry, r.tag
    return PLACED, lots


@compiled
def place_change(k: State, r: Any) -> int:
    """Check a close, a move of levels or a cancellation and send it off: its code."""
    if r.kind == CANCEL:
        found = find_order(k, r.target_id)
        if found < 0:
            return UNKNOWN_ORDER
        return _send_change(k, r, k.orders[found].symbol, 0)
    found = find(k, r.target_id)
    if found < 0:
        return UNKNOWN_TRADE
    p = k.positions[found]
    s = k.symbols[p.symbol]
    steps = 0
    if r.kind == CLOSE_POSITION and not np.isnan(r.lots):
        steps = to_steps(r.lots, s.volume_step, s.steps_max)
        if steps < p.steps and (steps < s.steps_min or p.steps - steps < s.steps_min):
            return PART_TOO_SMALL
    if r.kind == MOVE_LEVELS:
        price = s.bid * p.direction
        if r.sl != KEEP_LEVEL and not np.isnan(r.sl) and to_ticks(r.sl, s.tick_size) * p.direction >= price:
            return WRONG_SIDE_SL
        if r.tp != KEEP_LEVEL and not np.isnan(r.tp) and to_ticks(r.tp, s.tick_size) * p.direction <= price:
            return WRONG_SIDE_TP
    return _send_change(k, r, p.symbol, steps)


@compiled
def _send_change(k: State, r: Any, symbol: int, steps: int) -> int:
    if r.row >= k.market.shape[1]:
        return NO_MARKET
    o = k.orders[append_order(k, r.kind, symbol, r.row)]
    o.target_id, o.steps = r.target_id, steps
    if r.kind == MOVE_LEVELS:
        tick_size, direction = k.symbols[symbol].tick_size, k.positions[find(k, r.target_id)].direction
        if r.sl == KEEP_LEVEL:  # an earlier order on its way may move it: it is looked up on arrival
            o.stop = KEEP
        elif not np.isnan(r.sl):
            o.stop = to_ticks(r.sl, tick_size) * direction
        if r.tp == KEEP_LEVEL:
            o.target = KEEP
        elif not np.isnan(r.tp):
            o.target = to_ticks(r.tp, tick_size) * direction
    return PLACED


@inlined
def remove_order(k: State, place: int) -> None:
    """Take an order out; the others keep their turn."""
    account = k.account[0]
    for i in range(place, account.orders - 1):
        k.orders[i] = k.orders[i + 1]
    account.orders -= 1


@inlined
def find_order(k: State, order_id: int) -> int:
    """The place of a waiting order, -1 when there is none of that id."""
    for i in range(k.account[0].orders):
        if k.orders[i].id == order_id:
            return i
    return -1


@inlined
def arrive(k: State, row: int) -> None:
    """Carry out the orders that reach the market within a candle, in the order in which they were sent."""
    symbol = k.symbol_of_row[row]
    opened = k.market[TIME, row]
    i = 0
    while i < k.account[0].orders:
        o = k.orders[i]
        if o.symbol != symbol or o.active or o.row > row:
            i += 1
            continue
        if o.arrival == 0:
            o.arrival = opened + k.account[0].slippage_ms
        if o.arrival >= opened + CANDLE_MS:
            i += 1
            continue
        ms = max(o.arrival - opened, 0)
        if o.kind == LIMIT or o.kind == STOP:
            o.active, o.row = 1, row
            i += 1
            continue
        i -= _carry_out(k, i, row, ms)
        i += 1
    rebook_orders(k, symbol)


@compiled
def _carry_out(k: State, place: int, row: int, ms: int) -> int:
    """Do what an order asks for and take it out. Returns how many orders before and including it are gone."""
    o = k.orders[place]
    kind, id_, target_id = o.kind, o.id, o.target_id
    gone = 1
    if kind == MARKET:
        price = bid_at(k, row, ms)
        k.symbols[o.symbol].bid, k.symbols[o.symbol].spread = price, k.market[SPREAD, row]
        entry = price + k.market[SPREAD, row] if o.direction == LONG else -price
        fill(k, place, row, ms, entry + slippage_ticks(k, entry, o.stop))
    elif kind == CANCEL:
        found = find_order(k, target_id)
        if found < 0 or (k.orders[found].active and _wait(k, found, row, ms)):
            notice(k, id_, UNKNOWN_ORDER, row)
        else:
            remove_order(k, found)
        if 0 <= found < place:
            gone = 2
            place -= 1
    else:
        _change(k, place, row, ms)
    remove_order(k, place)
    return gone


@inlined
def fill(k: State, place: int, row: int, ms: int, entry: int) -> int:
    """Enter what an order asks for at a mirrored price, if the margin allows. Returns the position's place, or
    -1."""
    o = k.orders[place]
    if not affordable(k, o.symbol, entry, o.steps):
        notice(k, o.id, NO_MONEY, row)
        return -1
    opened = enter(k, o.symbol, o.direction, o.steps, entry, row, ms)
    p = k.positions[opened]
    p.stop = p.first_stop = o.stop
    p.target = p.first_target = o.target
    p.tag = o.tag
    rebook(k, o.symbol)
    return opened


@compiled
def _change(k: State, place: int, row: int, ms: int) -> None:
    """Close a position or move its levels, unless it ends before the order arrives."""
    o = k.orders[place]
    position = find(k, o.target_id)
    if position >= 0:
        p = k.positions[position]
        from_ms = p.seen_ms if p.seen_row == row else 0
        if ms > from_ms and live_through(k, position, row, path_for(k, row, p.direction, from_ms, ms), from_ms):
            position = -1
        if position >= 0:
            p.seen_row, p.seen_ms = row, max(ms, from_ms)
    if position < 0:
        notice(k, o.id, UNKNOWN_TRADE, row)
    elif o.kind == MOVE_LEVELS:
        if o.stop != KEEP:
            k.positions[position].stop = o.stop
        if o.target != KEEP:
            k.positions[position].target = o.target
    else:
        steps = k.positions[position].steps
        closed = min(o.steps, steps) if o.steps > 0 else steps
        if 0 < steps - closed < k.symbols[o.symbol].steps_min:  # another part was closed on the way
            notice(k, o.id, PART_TOO_SMALL, row)
        else:
            close_at_market(k, position, closed, row, ms)
    rebook(k, o.symbol)


@compiled
def trigger(k: State, row: int) -> None:
    """Fill or expire the limit and stop orders that wait in the market."""
    symbol = k.symbol_of_row[row]
    i = 0
    while i < k.account[0].orders:
        o = k.orders[i]
        if o.symbol != symbol or not o.active or not _wait(k, i, row, CANDLE_MS):
            i += 1
    rebook(k, symbol)


@compiled
def _wait(k: State, place: int, row: int, until: int) -> bool:
    """Let a waiting order see a candle as far as `until`. True when that filled it or its time was over: it is gone.

    At its expiry it can no longer be filled, so it sees the price a millisecond before.
    """
    o = k.orders[place]
    opened = k.market[TIME, row]
    from_ms = max(o.arrival - opened, 0) if o.row == row else 0
    left = o.expiry - opened
    expires = left <= until and left < CANDLE_MS
    to_ms = left - 1 if expires else until
    if from_ms < until and from_ms <= to_ms and _triggered(k, place, row, from_ms, to_ms):
        remove_order(k, place)
    elif expires:
        notice(k, o.id, EXPIRED, row)
        remove_order(k, place)
    else:
        return False
    return True


@compiled
def _triggered(k: State, place: int, row: int, from_ms: int, to_ms: int) -> bool:
    """Whether part of a candle reaches a waiting order's price; the position it opens lives through the rest."""
    o = k.orders[place]
    spread = k.market[SPREAD, row]
    # The closing side sees the entering price less the spread, for longs and (mirrored) for shorts.
    path = path_for(k, row, o.direction, from_ms, to_ms)
    level = o.price - spread
    if o.kind == LIMIT:
        if path.low > level:
            return False
        rest = path_for(k, row, o.direction, from_ms, CANDLE_MS)
        passed = path.start <= level
        if not passed:
            rest = after_limit(rest, level)
    else:
        if path.high < level:
            return False
        rest = path_for(k, row, o.direction, from_ms, CANDLE_MS)
        passed = path.start >= level
        if not passed:
            rest = after_stop(rest, level)
    _open_waiting(k, place, row, from_ms, rest)
    return True


@compiled
def _open_waiting(k: State, place: int, row: int, ms: int, rest: Path) -> None:
    o = k.orders[place]
    spread = k.market[SPREAD, row]
    k.symbols[o.symbol].bid = rest.start if o.direction == LONG else -rest.start - spread
    k.symbols[o.symbol].spread = spread
    entry = rest.start + spread
    if o.kind == STOP:
        entry += slippage_ticks(k, entry, o.stop)
    position = fill(k, place, row, ms, entry)
    if position < 0:
        return
    k.positions[position].seen_ms = CANDLE_MS
    live_through(k, position, row, rest, ms)
    rebook(k, o.symbol)
