"""Leverage: free margin before an entry, stop-out when equity falls too low."""

import math

from analysis.compiled import compiled, inlined
from analysis.engine.kernel.ledger import equity, floating, rebook
from analysis.engine.kernel.positions import closing_price, gross_cents, settle, witness
from analysis.engine.kernel.records import CLOSE, HIGH, LONG, LOW, NO_STOP, OPEN, SPREAD, STOP_OUT, TIME, State


@inlined
def affordable(k: State, symbol: int, entry: int, steps: int) -> bool:
    """Whether free margin covers a new position at a mirrored entry price."""
    needed = abs(entry) * steps * k.symbols[symbol].margin_per_unit
    return needed == 0.0 or equity(k) / 100.0 - k.account[0].margin >= needed


@inlined
def endangered(k: State, row: int) -> bool:
    """Whether a candle takes the equity to the stop-out level."""
    if k.account[0].margin <= 0.0:
        return False
    symbol = k.symbol_of_row[row]
    rest = _rest(k, symbol)
    level = math.floor(k.account[0].margin * k.account[0].stop_out * 100.0)
    low, high = k.market[LOW, row], k.market[HIGH, row]
    return rest + min(floating(k, symbol, low), floating(k, symbol, high)) <= level


@compiled
def stop_out(k: State, row: int, before_levels: bool) -> None:
    """Close the position that loses most, and the next one, until the equity is above the level again.

    With `before_levels`, only where the level is met before the nearest stop loss. A candle in which a position
    was entered or touched is judged by its close: what is closed then has lived through it.
    """
    symbol = k.symbol_of_row[row]
    at_close = _touched(k, symbol, row)
    if before_levels and at_close:
        return
    k.symbols[symbol].spread = k.market[SPREAD, row]
    price = k.market[CLOSE if at_close else OPEN, row]
    while endangered(k, row) and k.account[0].positions > 0:
        meets = _price_of_level(k, symbol, row, price, at_close)
        if meets < 0:
            return
        if before_levels and _stops_come_first(k, symbol, meets):
            return
        price = meets
        k.symbols[symbol].bid = price
        place = _worst(k, symbol, row, price)
        p = k.positions[place]
        closing = _closing(k, place, symbol, row, price)
        witness(k, place, closing, closing)
        p_symbol = p.symbol
        until = row + 1 if at_close else row
        settle(k, place, p.steps, row, max(k.market[TIME, row], p.entry_time), closing, STOP_OUT, until)
        rebook(k, p_symbol)


@inlined
def _rest(k: State, symbol: int) -> int:
    """Equity without what is open in a symbol."""
    total = k.account[0].balance + k.account[0].swap
    for other in range(len(k.symbols)):
        if other != symbol:
            total += floating(k, other, k.symbols[other].bid)
    return total


@inlined
def _touched(k: State, symbol: int, row: int) -> bool:
    for i in range(k.account[0].positions):
        if k.positions[i].symbol == symbol and k.positions[i].seen_row == row:
            return True
    return False


@compiled
def _price_of_level(k: State, symbol: int, row: int, start: int, stay: bool) -> int:
    """The bid at which the equity reaches the level on the way from `start` to the adverse extreme, or with `stay`
    at `start` itself; -1 for never."""
    s = k.symbols[symbol]
    level = math.floor(k.account[0].margin * k.account[0].stop_out * 100.0)
    rest = _rest(k, symbol)
    if rest + floating(k, symbol, start) <= level:
        return start
    net = s.long_steps - s.short_steps
    if stay or net == 0:
        return -1
    extreme = k.market[LOW, row] if net > 0 else k.market[HIGH, row]
    if rest + floating(k, symbol, extreme) > level:
        return -1
    good, bad = start, extreme  # the equity is a falling line between the two
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if rest + floating(k, symbol, middle) <= level:
            bad = middle
        else:
            good = middle
    return bad


@compiled
def _stops_come_first(k: State, symbol: int, bid: int) -> bool:
    s = k.symbols[symbol]
    return (s.long_stop != NO_STOP and s.long_stop >= bid) or (
        s.short_stop != NO_STOP and s.short_stop >= -bid - s.spread
    )


@compiled
def _closing(k: State, place: int, symbol: int, row: int, bid: int) -> int:
    p = k.positions[place]
    if p.symbol == symbol:
        return closing_price(k, row, p.direction, bid)
    s = k.symbols[p.symbol]
    return s.bid if p.direction == LONG else -s.bid - s.spread


@compiled
def _worst(k: State, symbol: int, row: int, bid: int) -> int:
    """The place of the position that loses most."""
    worst, place = 0, 0
    for i in range(k.account[0].positions):
        gain = gross_cents(k, i, _closing(k, i, symbol, row, bid), k.positions[i].steps)
        if i == 0 or gain < worst:
            worst, place = gain, i
    return place
