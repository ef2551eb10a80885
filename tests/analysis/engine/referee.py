"""The rules of a backtest of the EMA crossover, written a second time and on purpose differently.

Plain Python from the written rules (docs/backtest-semantics.md and the docstring of the template), slow and
without anything of the platform: prices and money are decimals, positions are dicts, every candle is looked
at in full. What it has in common with the engine is only what both were told.
"""

import math
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

MINUTE = 60_000


def ema(values, length):
    """Seeded with the mean of the first values; None before."""
    out = [None] * len(values)
    if len(values) < length:
        return out
    out[length - 1] = math.fsum(values[:length]) / length
    for i in range(length, len(values)):
        out[i] = out[i - 1] + (values[i] - out[i - 1]) * 2 / (length + 1)
    return out


def atr(highs, lows, closes, length):
    """Wilder: the mean of the first true ranges, then (previous * (n - 1) + new) / n."""
    out = [None] * len(closes)
    ranges = [None]
    for i in range(1, len(closes)):
        before = closes[i - 1]
        ranges.append(max(highs[i] - lows[i], abs(highs[i] - before), abs(lows[i] - before)))
    if len(closes) <= length:
        return out
    out[length] = math.fsum(ranges[1 : length + 1]) / length
    for i in range(length + 1, len(closes)):
        out[i] = (out[i - 1] * (length - 1) + ranges[i]) / length
    return out


def aggregate(candles, minutes):
    """Bars of so many minutes: each with the index of its last M1 candle; an unfinished last one is
    dropped."""
    length = minutes * MINUTE
    bars = []
    for i, time in enumerate(candles["time"]):
        label = time - time % length
        if bars and bars[-1]["label"] == label:
            bar = bars[-1]
            bar["high"] = max(bar["high"], candles["high"][i])
            bar["low"] = min(bar["low"], candles["low"][i])
        else:
            bar = {"label": label, "high": candles["high"][i], "low": candles["low"][i]}
            bars.append(bar)
        bar["close"], bar["last"] = candles["close"][i], i
    if candles["time"][-1] + MINUTE < bars[-1]["label"] + length:
        bars.pop()
    return bars


def signals(bars, params):
    """{index of the last M1 candle of the bar: (+1 or -1, close, atr)} for every bar that completes a
    crossing."""
    closes = [bar["close"] for bar in bars]
    short, long_ = ema(closes, params["short"]), ema(closes, params["long"])
    ranges = atr([bar["high"] for bar in bars], [bar["low"] for bar in bars], closes, params["atr"])
    warm_up = max(params["long"], params["atr"]) + 2 + 10
    found = {}
    for i in range(warm_up - 1, len(bars)):
        before, now = short[i - 1] - long_[i - 1], short[i] - long_[i]
        if before * now < 0 and ranges[i] > 0:
            found[bars[i]["last"]] = (1 if now > 0 else -1, closes[i], ranges[i])
    return found


def simulate(candles, spec, params, rules):
    """All trades as dicts, in order of entry, and the final balance.

    `candles`: lists time, open, high, low, close, spread (points, negative when not recorded). `spec`:
    tick_size, digits, point, tick_value, volume_min, volume_max, volume_step, spread_points. `rules`: equity,
    minutes, intrabar, slippage_ms (below a minute), slippage_r, commission.
    """
    tick = Decimal(str(spec["tick_size"]))
    tick_value = Decimal(str(spec["tick_value"]))
    found = signals(aggregate(candles, rules["minutes"]), params)
    balance = Decimal(str(rules["equity"]))
    trades, open_, order = [], [], None
    count = len(candles["time"])
    for i in range(count):
        bid = {name: decimal(candles[name][i]) for name in ("open", "high", "low", "close")}
        points = candles["spread"][i] if candles["spread"][i] >= 0 else spec["spread_points"]
        gap = points * Decimal(str(spec["point"]))
        course = way(bid)
        entered = None
        if order is not None:
            entered = enter(order, course, gap, rules, tick)
            entered["time"], entered["row"] = candles["time"][i] + rules["slippage_ms"], i
            fee = cents(entered["lots"] * decimal(rules["commission"]))
            entered["fees"] = fee
            balance -= fee
            trades.append(entered)
            open_.append(entered)
            order = None
        for trade in list(open_):
            seen = rest_of(course, rules["slippage_ms"], tick) if trade is entered else course
            if trade["side"] < 0:
                seen = [price + gap for price in seen]
            leave = exit_of(trade, seen, rules["intrabar"])
            if leave is not None:
                trade["exit"], trade["reason"], trade["decided"] = leave
                trade["exit_time"] = max(candles["time"][i], trade["time"])
                balance += settle(trade, rules, tick, tick_value)
                open_.remove(trade)
        if i in found and i + 1 < count:
            worth = Decimal(0)
            for trade in open_:
                now = bid["close"] + (gap if trade["side"] < 0 else 0)
                worth += (now - trade["entry"]) * trade["side"] / tick * tick_value * trade["lots"]
            order = decide(found[i], float(balance + cents(worth)), spec, params, tick)
    for trade in open_:
        trade["exit"] = bid["close"] + (gap if trade["side"] < 0 else 0)
        trade["reason"], trade["decided"], trade["exit_time"] = "end_of_data", False, candles["time"][-1] + MINUTE
        balance += settle(trade, rules, tick, tick_value)
    return trades, balance


def decide(signal, equity, spec, params, tick):
    """The order, or None when it is too small or its stop is at the price."""
    side, close, range_ = signal
    stop = to_tick(close - side * params["sl"] * range_, tick)
    target = to_tick(close + side * params["tp"] * range_, tick)
    price = to_tick(close, tick)
    if not (stop < price < target if side > 0 else target < price < stop):
        return None
    step = Decimal(str(spec["volume_step"]))
    wanted = params["fixed"]
    if wanted is None:
        loss_per_lot = abs(close - float(stop)) / spec["tick_size"] * spec["tick_value"]
        wanted = equity * params["risk"] / loss_per_lot
    lots = (decimal(wanted) / step + Decimal("1e-9")).to_integral_value(ROUND_FLOOR) * step
    if lots < Decimal(str(spec["volume_min"])):
        return None
    lots = min(lots, Decimal(str(spec["volume_max"])))
    return {"side": side, "sl": stop, "tp": target, "lots": lots}


def enter(order, course, gap, rules, tick):
    price = place(course, rules["slippage_ms"], tick) + (gap if order["side"] > 0 else 0)
    worse = (abs(price - order["sl"]) * decimal(rules["slippage_r"]) / tick).to_integral_value(ROUND_HALF_UP)
    return {**order, "entry": price + order["side"] * worse * tick}


def exit_of(trade, course, intrabar):
    """(price, reason, decided) when the course reaches a level."""
    side, stop, target = trade["side"], trade["sl"], trade["tp"]
    start = course[0]
    if (start - stop) * side <= 0:
        return start, "sl", False
    if (start - target) * side >= 0:
        return start, "tp", False
    stopped = any((price - stop) * side <= 0 for price in course)
    reached = any((price - target) * side >= 0 for price in course)
    if stopped and reached:
        if intrabar == "ohlc":
            first = next(p for p in course if (p - stop) * side <= 0 or (p - target) * side >= 0)
            wins = (first - target) * side >= 0
        else:
            wins = intrabar == "optimistic"
        return (target, "tp", True) if wins else (stop, "sl", True)
    if stopped:
        return stop, "sl", False
    return (target, "tp", False) if reached else None


def settle(trade, rules, tick, tick_value):
    """Book the exit; what the balance gains."""
    fee = cents(trade["lots"] * decimal(rules["commission"]))
    gross = cents((trade["exit"] - trade["entry"]) * trade["side"] / tick * tick_value * trade["lots"])
    trade["pnl"] = gross - fee - trade["fees"]
    return gross - fee


def way(bid):
    """Open, nearer extreme, farther extreme, close; if both are as near, a bar that does not fall dips
    first."""
    open_, high, low, close = bid["open"], bid["high"], bid["low"], bid["close"]
    if high - open_ < open_ - low or (high - open_ == open_ - low and close < open_):
        return [open_, high, low, close]
    return [open_, low, high, close]


def place(course, ms, tick):
    """Where the price is after `ms`: a third of the minute for every leg."""
    for leg in range(3):
        if ms <= (leg + 1) * 20_000:
            part = Decimal(ms - leg * 20_000) / 20_000
            exact = course[leg] + (course[leg + 1] - course[leg]) * part
            return (exact / tick + Decimal("0.5")).to_integral_value(ROUND_FLOOR) * tick
    raise ValueError("a delay of a minute or more")


def rest_of(course, ms, tick):
    return [place(course, ms, tick), *(course[k] for k in (1, 2) if k * 20_000 > ms), course[3]]


def decimal(number):
    return number if isinstance(number, Decimal) else Decimal(repr(number))


def to_tick(price, tick):
    return (decimal(price) / tick).to_integral_value(ROUND_HALF_UP) * tick


def cents(money):
    return money.quantize(Decimal("0.01"), ROUND_HALF_UP)
