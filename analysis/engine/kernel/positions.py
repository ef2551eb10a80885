"""Entries, exits and what a position lives through in between."""

from analysis.compiled import compiled, inlined
from analysis.engine.kernel.ledger import commission, rebook, share, slippage_ticks, to_cents
from analysis.engine.kernel.paths import CANDLE_MS, Path, level_price, outcome, price_at, seen_by, stretch, waypoints
from analysis.engine.kernel.records import (
    CLOSE,
    END_OF_DATA,
    HIGH,
    LONG,
    LOW,
    NO_STOP,
    NO_TARGET,
    OPEN,
    OPTIMISTIC,
    PESSIMISTIC,
    SIGNAL,
    SPREAD,
    STILL_OPEN,
    TIME,
    State,
)


@inlined
def course(k: State, row: int) -> tuple[int, int, int, int]:
    """The bid's waypoints in a candle."""
    return waypoints(k.market[OPEN, row], k.market[HIGH, row], k.market[LOW, row], k.market[CLOSE, row])


@inlined
def bid_at(k: State, row: int, ms: int) -> int:
    """The bid `ms` into a candle."""
    return k.market[OPEN, row] if ms == 0 else price_at(course(k, row), ms)


@inlined
def path_for(k: State, row: int, direction: int, from_ms: int, to_ms: int) -> Path:
    """Part of a candle as the closing side of a position sees it."""
    return seen_by(stretch(course(k, row), from_ms, to_ms), direction, k.market[SPREAD, row])


@inlined
def closing_price(k: State, row: int, direction: int, bid: int) -> int:
    """The mirrored price that closes a position when the bid is `bid`."""
    return bid if direction == LONG else -bid - k.market[SPREAD, row]


@inlined
def find(k: State, position_id: int) -> int:
    """The place of an open position, -1 when there is none of that id."""
    for i in range(k.account[0].positions):
        if k.positions[i].id == position_id:
            return i
    return -1


@inlined
def enter(k: State, symbol: int, direction: int, steps: int, entry: int, row: int, ms: int) -> int:
    """Open a position without levels at a mirrored price; the commission is paid now. Returns its place."""
    account = k.account[0]
    paid = commission(k, symbol, steps)
    account.balance -= paid
    account.last_position += 1
    place = account.positions
    account.positions += 1
    p = k.positions[place]
    p.id, p.symbol, p.direction = account.last_position, symbol, direction
    p.steps = p.first_steps = steps
    p.entry, p.entry_time, p.entry_row = entry, k.market[TIME, row] + ms, row
    p.stop = p.first_stop = NO_STOP
    p.target = p.first_target = NO_TARGET
    p.commission, p.swap, p.parts, p.tag = paid, 0, 0, 0
    p.worst, p.best = NO_TARGET, NO_STOP
    p.seen_row, p.seen_ms = row, ms
    p.decided, p.other_low, p.other_high = 0, NO_TARGET, NO_STOP
    return place


@inlined
def witness(k: State, place: int, low: int, high: int) -> None:
    """Remember how far the closing side of the market went."""
    p = k.positions[place]
    p.worst = min(p.worst, low)
    p.best = max(p.best, high)


@inlined
def witness_candles(k: State, place: int, until: int) -> None:
    """The extremes of the whole candles after the entry and before row `until`."""
    p = k.positions[place]
    worst, best = p.worst, p.best
    for row in range(p.entry_row + 1, until):
        if k.symbol_of_row[row] != p.symbol:
            continue
        if p.direction == LONG:
            worst, best = min(worst, k.market[LOW, row]), max(best, k.market[HIGH, row])
        else:
            worst = min(worst, -k.market[HIGH, row] - k.market[SPREAD, row])
            best = max(best, -k.market[LOW, row] - k.market[SPREAD, row])
    p.worst, p.best = worst, best


@inlined
def gross_cents(k: State, place: int, exit_: int, steps: int) -> int:
    """What closing `steps` of a position at a mirrored price brings, before costs."""
    p = k.positions[place]
    return to_cents((exit_ - p.entry) * steps * k.symbols[p.symbol].unit)


@compiled
def settle(k: State, place: int, steps: int, row: int, time: int, exit_: int, reason: int, until: int) -> None:
    """Pay `steps` of a position out and write the trade down; it saw every whole candle before `until`.

    Commission of the entry and swap go with the part that is closed. What is left stays open; a position that
    is gone is taken out. The caller adds up the books anew.
    """
    account, p = k.account[0], k.positions[place]
    entry_fee, swap = share(p.commission, steps, p.steps), share(p.swap, steps, p.steps)
    exit_fee = commission(k, p.symbol, steps)
    gross = gross_cents(k, place, exit_, steps)
    account.balance += gross - exit_fee + swap
    account.swap -= swap
    witness_candles(k, place, until)
    t = k.trades[account.trades]
    account.trades += 1
    if steps < p.steps or p.parts > 0:
        p.parts += 1
    t.id, t.part, t.symbol, t.direction, t.steps, t.tag = p.id, p.parts, p.symbol, p.direction, steps, p.tag
    t.entry, t.entry_time, t.entry_row = p.entry, p.entry_time, p.entry_row
    t.exit, t.exit_time, t.exit_row, t.reason = exit_, time, row, reason
    t.stop, t.target = p.first_stop, p.first_target
    t.commission, t.swap, t.decided = entry_fee + exit_fee, swap, p.decided
    t.worst, t.best = min(p.worst, exit_), max(p.best, exit_)
    t.pnl = gross - entry_fee - exit_fee + swap
    t.pnl_pessimistic = t.pnl_optimistic = t.pnl
    if p.decided:
        costs = swap - entry_fee - exit_fee
        t.pnl_pessimistic = min(t.pnl, gross_cents(k, place, p.other_low, steps) + costs)
        t.pnl_optimistic = max(t.pnl, gross_cents(k, place, p.other_high, steps) + costs)
    p.commission -= entry_fee
    p.swap -= swap
    p.steps -= steps
    if p.steps == 0:
        _take_out(k, place)


@inlined
def _take_out(k: State, place: int) -> None:
    """Close the gap; the others keep their order of entry."""
    account = k.account[0]
    for i in range(place, account.positions - 1):
        k.positions[i] = k.positions[i + 1]
    account.positions -= 1


@inlined
def live_through(k: State, place: int, row: int, path: Path, from_ms: int) -> bool:
    """Let a stretch of a candle go by for one position. True when it closed it."""
    p = k.positions[place]
    ends = outcome(path, p.stop, p.target, k.account[0].rule)
    if ends.pessimistic != ends.optimistic:
        _note_other_course(k, place, row, ends.reason, ends.pessimistic, ends.optimistic)
    if ends.reason == STILL_OPEN:
        rule = k.account[0].rule
        low, high = path.path_low, path.path_high
        if rule == PESSIMISTIC:
            low, high = path.low_maybe, path.high
        elif rule == OPTIMISTIC:
            low, high = path.low, path.high_maybe
        witness(k, place, low, high)
        return False
    witness(k, place, path.start, path.start)
    # A stretch that begins with the entry has no whole candles before it.
    settle(k, place, p.steps, row, k.market[TIME, row] + from_ms, ends.price, ends.reason, row)
    return True


@compiled
def _note_other_course(k: State, place: int, row: int, reason: int, pessimistic: int, optimistic: int) -> None:
    """The intrabar rule decides: remember where the extreme that was not chosen would have led."""
    p = k.positions[place]
    p.decided = 1
    other = optimistic if reason == pessimistic else pessimistic
    if other == STILL_OPEN:
        price = _left_alone(k, place, row, OPTIMISTIC if reason == pessimistic else PESSIMISTIC)
    else:
        price = level_price(other, p.stop, p.target)
    p.other_low, p.other_high = min(p.other_low, price), max(p.other_high, price)


@compiled
def _left_alone(k: State, place: int, row: int, rule: int) -> int:
    """Where a position would end if it stayed open after a candle and nobody touched it."""
    p = k.positions[place]
    price = closing_price(k, row, p.direction, k.market[CLOSE, row])
    for later in range(row + 1, k.market.shape[1]):
        if k.symbol_of_row[later] != p.symbol:
            continue
        path = path_for(k, later, p.direction, 0, CANDLE_MS)
        ends = outcome(path, p.stop, p.target, rule)
        if ends.reason != STILL_OPEN:
            return ends.price
        price = path.end
    return price


@inlined
def close_at_market(k: State, place: int, steps: int, row: int, ms: int) -> None:
    """Close `steps` of a position at the price of a moment, worsened by slippage."""
    p = k.positions[place]
    price = closing_price(k, row, p.direction, bid_at(k, row, ms))
    witness(k, place, price, price)
    price -= slippage_ticks(k, p.entry, p.first_stop)
    settle(k, place, steps, row, k.market[TIME, row] + ms, price, SIGNAL, row)


@compiled
def close_all(k: State) -> None:
    """End of data: what is still open is closed at its symbol's last close."""
    account = k.account[0]
    last = k.market.shape[1] - 1
    while account.positions > 0:
        p = k.positions[0]
        row = last
        while k.symbol_of_row[row] != p.symbol:
            row -= 1
        price = closing_price(k, row, p.direction, k.market[CLOSE, row])
        settle(k, 0, p.steps, row, k.market[TIME, row] + CANDLE_MS, price, END_OF_DATA, row + 1)
    for symbol in range(len(k.symbols)):
        rebook(k, symbol)
    if last >= 0:
        k.equity[last] = account.balance / 100.0
