"""Money in whole cents: rounding, equity, commission, swap, and the sums kept per symbol."""

import math
from typing import Any

from analysis.compiled import inlined
from analysis.engine.kernel.records import (
    CLOSE,
    LIMIT,
    LONG,
    MARKET,
    NEVER,
    NO_STOP,
    NO_TARGET,
    SPREAD,
    STOP,
    TIME,
    State,
)

# Binary noise: 3.5 lots of 0.01 at 0.67 must not fall on the other side of half a cent.
HAIR = 1e-6


@inlined
def to_cents(money: float) -> int:
    """`money` in whole cents; half a cent is rounded away from zero."""
    cents = int(math.floor(abs(money) * 100.0 + 0.5 + HAIR))
    return -cents if money < 0 else cents


@inlined
def share(amount: int, part: int, whole: int) -> int:
    """`amount` times part / whole, rounded toward zero; all of it for the whole."""
    if part == whole:
        return amount
    taken = abs(amount) * part // whole
    return -taken if amount < 0 else taken


@inlined
def commission(k: State, symbol: int, steps: int) -> int:
    """One side's commission."""
    lots = round(steps * k.symbols[symbol].volume_step * 1e8) / 1e8
    return to_cents(lots * k.symbols[symbol].commission_per_lot)


@inlined
def slippage_ticks(k: State, entry: int, stop: int) -> int:
    """By how much a fill is worse: a fraction of the distance between entry and stop, none without a stop."""
    if stop == NO_STOP:
        return 0
    return int(math.floor(abs(entry - stop) * k.account[0].slippage_r + 0.5 + HAIR))


@inlined
def worth(s: Any, bid: int, spread: int) -> int:
    """Cents that closing everything of a SYMBOL record at `bid` would bring."""
    if s.long_steps == 0 and s.short_steps == 0:
        return 0
    return to_cents((bid * s.long_steps - s.long_cost - (bid + spread) * s.short_steps - s.short_cost) * s.unit)


@inlined
def floating(k: State, symbol: int, bid: int) -> int:
    """Cents that closing everything of a symbol at `bid` would bring, with its last spread."""
    return worth(k.symbols[symbol], bid, k.symbols[symbol].spread)


@inlined
def equity(k: State) -> int:
    """Balance and accrued swap, plus what closing everything at the last quotes would bring, before
    commission."""
    total = k.account[0].balance + k.account[0].swap
    for symbol in range(len(k.symbols)):
        total += floating(k, symbol, k.symbols[symbol].bid)
    return total


@inlined
def quote(k: State, row: int) -> None:
    """Remember the close of a candle as its symbol's last quote."""
    s = k.symbols[k.symbol_of_row[row]]
    s.bid = k.market[CLOSE, row]
    s.spread = k.market[SPREAD, row]


@inlined
def rebook(k: State, symbol: int) -> None:
    """Add up anew what is open and what waits, after a change."""
    s = k.symbols[symbol]
    s.long_steps = s.long_cost = s.short_steps = s.short_cost = 0
    s.long_stop = s.short_stop = NO_STOP
    s.long_target = s.short_target = NO_TARGET
    margin = 0.0
    for i in range(k.account[0].positions):
        p = k.positions[i]
        margin += abs(p.entry) * p.steps * k.symbols[p.symbol].margin_per_unit
        if p.symbol != symbol:
            continue
        if p.direction == LONG:
            s.long_steps += p.steps
            s.long_cost += p.steps * p.entry
            s.long_stop, s.long_target = max(s.long_stop, p.stop), min(s.long_target, p.target)
        else:
            s.short_steps += p.steps
            s.short_cost += p.steps * p.entry
            s.short_stop, s.short_target = max(s.short_stop, p.stop), min(s.short_target, p.target)
    k.account[0].margin = margin
    rebook_orders(k, symbol)


@inlined
def rebook_orders(k: State, symbol: int) -> None:
    """The nearest prices and times at which a waiting order stirs."""
    s = k.symbols[symbol]
    s.incoming = 0
    s.long_limit = s.short_limit = NO_STOP
    s.long_trigger = s.short_trigger = NO_TARGET
    s.expiry = NEVER
    for i in range(k.account[0].orders):
        o = k.orders[i]
        if o.symbol != symbol:
            continue
        if not o.active:
            s.incoming += 1
            continue
        s.expiry = min(s.expiry, o.expiry)
        if o.kind == LIMIT and o.direction == LONG:
            s.long_limit = max(s.long_limit, o.price)
        elif o.kind == LIMIT:
            s.short_limit = max(s.short_limit, o.price)
        elif o.direction == LONG:
            s.long_trigger = min(s.long_trigger, o.price)
        else:
            s.short_trigger = min(s.short_trigger, o.price)


@inlined
def waiting_entries(k: State) -> int:
    """Entries that are on their way or wait in the market."""
    count = 0
    for i in range(k.account[0].orders):
        kind = k.orders[i].kind
        count += kind in (MARKET, LIMIT, STOP)
    return count


@inlined
def book_swap(k: State, row: int) -> None:
    """Book the rollovers up to the open of a candle on every open position."""
    account = k.account[0]
    while account.next_rollover < k.rollovers.shape[1] and k.rollovers[0, account.next_rollover] <= k.market[TIME, row]:
        weekday = k.rollovers[1, account.next_rollover]
        account.next_rollover += 1
        for i in range(account.positions):
            p = k.positions[i]
            s = k.symbols[p.symbol]
            nights = 3 if weekday == s.triple_day else 1
            rate = s.swap_long if p.direction == LONG else s.swap_short
            money = p.steps * rate * nights
            if s.swap_is_percent:
                money *= s.bid * s.unit
            cents = to_cents(money)
            p.swap += cents
            account.swap += cents
