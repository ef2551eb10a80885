"""The rules of docs/backtest-semantics.md, all of them, written a second time: plain Python, slow, exact.

Prices are whole ticks, money is whole cents, everything between them a fraction. Every candle is looked at in full.
Nothing of the engine is used but the dataclass of its settings; a strategy is a plan: what is asked for at the close
of which bar. The result is what the engine's result must be, field by field.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from analysis.candles import Candles
from analysis.engine import BacktestSettings
from analysis.instrument import Instrument
from tests.analysis.engine.referee_market import (
    MINUTE,
    Actions,
    Candle,
    Market,
    Order,
    Plan,
    Trade,
    cents,
    exact,
    exit_on,
    half_up,
    read_market,
    views_after_fill,
)


class Referee:
    """One account. `play` returns trades, equity curve and refusals as the engine reports them."""

    def __init__(self, legs: Sequence[tuple[Candles, Instrument, Plan]], settings: BacktestSettings, warm_up: int = 1):
        self.settings = settings
        self.markets = [read_market(*leg, settings, warm_up) for leg in legs]
        self.names = {m.instrument.symbol: s for s, m in enumerate(self.markets)}
        self.balance = half_up(exact(settings.initial_equity) * 100)
        self.open: list[Trade] = []
        self.orders: list[Order] = []
        self.entries = self.sent = 0
        self.log: list[dict[str, Any]] = []
        self.refusals: list[tuple[int, str, str]] = []

    def play(self) -> tuple[list[dict[str, Any]], list[tuple[int, float]], list[tuple[int, str, str]]]:
        start = self.settings.trade_from
        rows = sorted((c.time, s, i) for s, m in enumerate(self.markets) for i, c in enumerate(m.candles))
        self.rows = [row for row in rows if start is None or row[0] >= start]
        for _, s, i in rows[: len(rows) - len(self.rows)]:
            quoted = self.markets[s].candles[i]
            self.markets[s].next, self.markets[s].bid, self.markets[s].gap = i + 1, quoted.close, quoted.gap
        decisions, nights = self.decisions(), self.rollovers(rows)
        curve = {self.rows[0][0]: self.balance}
        self.left = len(self.rows)
        for moment, s, i in self.rows:
            while decisions and decisions[0][0] <= moment:
                self.decide(*decisions.pop(0))
            while nights and nights[0][0] <= moment:
                self.book_swap(nights.pop(0)[1])
            self.left -= 1
            self.candle(s, i)
            curve[moment + MINUTE] = self.equity()
        for decision in decisions:
            self.decide(*decision)
        self.end()
        curve[self.rows[-1][0] + MINUTE] = self.balance
        log = sorted(self.log, key=lambda t: (t["id"], t["part"]))
        return log, [(t, c / 100) for t, c in curve.items()], sorted(self.refusals)

    def decisions(self) -> list[tuple[int, int, Actions]]:
        """(close of the bar, symbol, actions) in order of time, then of the symbols."""
        first = self.settings.trade_from
        return sorted(
            (
                (closed, s, m.plan[opened])
                for s, m in enumerate(self.markets)
                for opened, closed in m.bars[m.warm_up - 1 :]
                if opened in m.plan and (first is None or opened >= first)
            ),
            key=lambda decision: decision[:2],
        )

    # -- what is asked for ---------------------------------------------------------------------------------------

    def decide(self, now: int, own: int, asked: Actions) -> None:
        for action in asked(self.equity() / 100) if callable(asked) else asked:
            symbol = self.names[action.get("symbol", self.markets[own].instrument.symbol)]
            if action["action"] == "OPEN_TRADE":
                self.ask_entry(now, symbol, action)
            elif action["action"] == "CANCEL_ORDER":
                self.ask_cancel(now, symbol, action)
            else:
                self.ask_change(now, symbol, action)

    def refuse(self, now: int, code: str, outcome: str = "refused") -> None:
        self.refusals.append((now, outcome, code))

    def ask_entry(self, now: int, symbol: int, action: dict[str, Any]) -> None:
        m = self.markets[symbol]
        side = 1 if action["side"] == "BUY" else -1
        kind = action.get("entry_type", "market")
        sl, tp = (None if action.get(key) is None else m.ticks(action[key]) for key in ("sl", "tp"))
        fills_at = m.bid + (m.gap if side > 0 else 0)
        price, against = fills_at, m.bid
        if kind != "market":
            price = against = m.ticks(action["price"])
            better = (fills_at - price) * side
            if better <= 0 if kind == "limit" else better >= 0:
                return self.refuse(now, "wrong_side")
        if (sl is not None and (against - sl) * side <= 0) or (tp is not None and (tp - against) * side <= 0):
            return self.refuse(now, "wrong_side")
        lots = exact(action["lots"]) if action.get("lots") is not None else self.sized(m, action, price, sl)
        steps, most = m.steps(lots), m.steps(exact(m.instrument.volume_max))
        if steps * m.step < exact(m.instrument.volume_min):
            return self.refuse(now, "volume_too_small")
        entries = [order for order in self.orders if order.kind in ("market", "limit", "stop")]
        allowed = self.settings.max_open_positions
        if allowed is not None and len(self.open) + len(entries) >= allowed:
            return self.refuse(now, "max_open_positions")
        order = self.send(now, symbol, kind, action)
        if order is None:
            return None
        if steps > most:
            self.refuse(now, "volume_too_large", "reduced")
        order.side, order.steps, order.price, order.sl, order.tp = side, min(steps, most), price, sl, tp
        order.tag = action.get("tag", "")
        if action.get("expiry") is not None:
            order.expiry = half_up(Fraction(action["expiry"].timestamp()) * 1000)
        return None

    def sized(self, m: Market, action: dict[str, Any], price: int, sl: int | None) -> Fraction:
        assert sl is not None
        money = max(Fraction(self.equity(), 100), Fraction(0)) * exact(action["risk_percent"]) / 100
        return money / (abs(price - sl) * exact(m.instrument.tick_value))

    def ask_change(self, now: int, symbol: int, action: dict[str, Any]) -> None:
        """CLOSE_TRADE or MODIFY_TRADE, one order for every trade that is meant."""
        m = self.markets[symbol]
        chosen = [t for t in self.open if t.symbol == symbol and meant(action, "trade_id", t)]
        if not chosen:
            self.refuse(now, "unknown_trade")
        for trade in chosen:
            if action["action"] == "CLOSE_TRADE":
                steps = trade.steps if action.get("lots") is None else min(m.steps(exact(action["lots"])), trade.steps)
                if self.too_small(m, steps) or (steps < trade.steps and self.too_small(m, trade.steps - steps)):
                    self.refuse(now, "volume_too_small")
                    continue
                order = self.send(now, symbol, "close", action)
                if order is not None:
                    order.target, order.steps = trade.id, m.steps(exact(action.get("lots") or 1e6))
                continue
            sl, tp = (None if action.get(key) is None else m.ticks(action[key]) for key in ("sl", "tp"))
            if (sl is not None and (m.bid - sl) * trade.side <= 0) or (
                tp is not None and (tp - m.bid) * trade.side <= 0
            ):
                self.refuse(now, "wrong_side")
                continue
            order = self.send(now, symbol, "modify", action)
            if order is not None:
                order.target, order.sl, order.tp = trade.id, sl, tp

    def too_small(self, m: Market, steps: int) -> bool:
        return steps * m.step < exact(m.instrument.volume_min)

    def ask_cancel(self, now: int, symbol: int, action: dict[str, Any]) -> None:
        entries = [o for o in self.orders if o.symbol == symbol and o.kind in ("market", "limit", "stop")]
        chosen = [order for order in entries if meant(action, "order_id", order)]
        if not chosen:
            self.refuse(now, "unknown_order")
        for target in chosen:
            order = self.send(now, symbol, "cancel", action)
            if order is not None:
                order.target = target.id

    def send(self, now: int, symbol: int, kind: str, action: dict[str, Any]) -> Order | None:
        """An order that sets off at the open of the symbol's next candle; refused when no candle is left at all."""
        if self.left == 0:
            self.refuse(now, "no_market")
            return None
        m = self.markets[symbol]
        candle, ms = len(m.candles), 0
        if m.next < len(m.candles):
            arrival = m.candles[m.next].time + self.settings.slippage_ms
            later = (i for i in range(m.next, len(m.candles)) if m.candles[i].time + MINUTE > arrival)
            candle = next(later, len(m.candles))
            ms = max(arrival - m.candles[candle].time, 0) if candle < len(m.candles) else 0
        self.sent += 1
        order = Order(self.sent, kind, symbol, now, action, candle, ms)
        self.orders.append(order)
        return order

    # -- what happens in a candle --------------------------------------------------------------------------------

    def candle(self, symbol: int, index: int) -> None:
        m = self.markets[symbol]
        m.next, candle = index + 1, m.candles[index]
        m.gap = candle.gap
        for order in [o for o in self.orders if o.symbol == symbol and o.candle == index]:
            if order in self.orders:
                self.arrive(order, candle)
        for order in [o for o in self.orders if o.symbol == symbol and o.waiting]:
            self.try_to_fill(order, candle)
        self.stop_out(symbol, candle, before_levels=True)
        for trade in [t for t in self.open if t.symbol == symbol]:
            self.live(trade, candle, MINUTE)
        self.stop_out(symbol, candle, before_levels=False)
        m.bid = candle.close

    def arrive(self, order: Order, candle: Candle) -> None:
        if order.kind in ("limit", "stop"):
            order.waiting = True
            return
        self.orders.remove(order)
        if order.kind == "market":
            bid = candle.at(order.ms)
            price = bid + (candle.gap if order.side > 0 else 0)
            self.markets[order.symbol].bid = bid
            self.enter(order, candle, order.ms, price, self.worse(price, order.sl))
        elif order.kind == "cancel":
            target = next((o for o in self.orders if o.id == order.target), None)
            if target is not None and target.waiting:
                self.try_to_fill(target, candle, order.ms)
            if target in self.orders:
                self.orders.remove(target)
            else:
                self.refuse(order.asked, "unknown_order")
        else:
            self.change(order, candle)

    def change(self, order: Order, candle: Candle) -> None:
        trade = next((t for t in self.open if t.id == order.target), None)
        if trade is not None:
            self.live(trade, candle, order.ms)
        if trade is None or trade not in self.open:
            return self.refuse(order.asked, "unknown_trade")
        trade.touched, trade.seen = candle.time, order.ms
        if order.kind == "modify":
            trade.sl = order.sl if "sl" in order.written else trade.sl
            trade.tp = order.tp if "tp" in order.written else trade.tp
            return None
        m = self.markets[trade.symbol]
        steps = min(order.steps, trade.steps)
        if steps < trade.steps and self.too_small(m, trade.steps - steps):
            return self.refuse(order.asked, "volume_too_small")
        price = candle.at(order.ms) + (candle.gap if trade.side < 0 else 0)
        trade.note([price])
        price -= trade.side * self.worse(trade.entry, trade.first_sl)
        self.leave(trade, steps, candle, candle.time + order.ms, price, "signal")
        return None

    def worse(self, price: int, sl: int | None) -> int:
        """Ticks that a fill is worse by `slippage_r`."""
        return 0 if sl is None else half_up(abs(price - sl) * exact(self.settings.slippage_r))

    def try_to_fill(self, order: Order, candle: Candle, until: int = MINUTE) -> None:
        """Let a waiting order see a candle as far as `until`; its expiry is the first moment it does not see."""
        since = order.ms if order.candle == self.markets[order.symbol].next - 1 else 0
        left = MINUTE if order.expiry is None else order.expiry - candle.time
        end = left - 1 if left <= until and left < MINUTE else until
        reach = order.side if order.kind == "stop" else -order.side  # up or down to the price
        spread = candle.gap if order.side > 0 else 0
        entering = [bid + spread for bid in candle.stretch(since)]
        seen = [bid + spread for bid in candle.stretch(since, end)] if since <= end and since < until else []
        if not any((price - order.price) * reach >= 0 for price in seen):
            if left <= until and left < MINUTE:
                self.orders.remove(order)
                self.refuse(order.asked, "expired", "expired")
            return
        self.orders.remove(order)
        passed = (entering[0] - order.price) * reach >= 0
        price = entering[0] if passed else order.price
        closing = [p - order.side * candle.gap for p in entering]
        fill = price - order.side * candle.gap
        self.markets[order.symbol].bid = price - spread
        slipped = self.worse(price, order.sl) if order.kind == "stop" else 0
        trade = self.enter(order, candle, since, price, slipped)
        if trade is None:
            return
        trade.seen = MINUTE
        views = dict.fromkeys(("pessimistic", "optimistic", "ohlc"), closing)
        self.watch(trade, candle, since, views if passed else views_after_fill(order.kind, order.side, fill, closing))

    def enter(self, order: Order, candle: Candle, ms: int, price: int, worse: int) -> Trade | None:
        m = self.markets[order.symbol]
        entry = price + order.side * worse
        needed = self.margin_of(order.symbol, entry, order.steps)
        if needed > 0 and Fraction(self.equity(), 100) - self.used_margin() < needed:
            self.refuse(order.asked, "no_money")
            return None
        fee = cents(order.steps * m.step * exact(self.settings.commission_per_lot))
        self.balance -= fee
        self.entries += 1
        trade = Trade(
            self.entries, order.symbol, order.side, order.steps, entry, order.sl, order.tp, order.tag,
            candle.time + ms, candle.time, fee, touched=candle.time, seen=ms,
        )  # fmt: skip
        self.open.append(trade)
        return trade

    def live(self, trade: Trade, candle: Candle, until: int) -> None:
        """Let a candle go by for a trade, as far as `until`."""
        since = trade.seen if trade.touched == candle.time else 0
        trade.extremes = trade.worst, trade.best
        if since < until:
            points = [bid + (candle.gap if trade.side < 0 else 0) for bid in candle.stretch(since, until)]
            self.watch(trade, candle, since, dict.fromkeys(("pessimistic", "optimistic", "ohlc"), points))

    def watch(self, trade: Trade, candle: Candle, since: int, views: Mapping[str, list[int]]) -> None:
        """Whether a level ends a trade in a stretch of a candle, by the rule; what the other rules would have made."""
        ends = {rule: exit_on(trade.side, trade.sl, trade.tp, seen, rule) for rule, seen in views.items()}
        rule = self.settings.intrabar
        chosen = ends[rule]
        if ends["pessimistic"] != ends["optimistic"]:
            trade.decided = True
            other = "optimistic" if chosen == ends["pessimistic"] else "pessimistic"
            otherwise = ends[other]
            trade.others.append(self.left_alone(trade, other) if otherwise is None else otherwise[1])
        if chosen is None:
            trade.note(views[rule])
            return
        trade.note([views[rule][0], chosen[1]])
        self.leave(trade, trade.steps, candle, candle.time + since, chosen[1], chosen[0])

    def left_alone(self, trade: Trade, rule: str) -> int:
        """Where a trade that outlives the current candle would end with its levels as they are."""
        m = self.markets[trade.symbol]
        for candle in m.candles[m.next :]:
            points = [bid + (candle.gap if trade.side < 0 else 0) for bid in candle.course]
            end = exit_on(trade.side, trade.sl, trade.tp, points, rule)
            if end is not None:
                return end[1]
        last = m.candles[-1]
        return last.close + (last.gap if trade.side < 0 else 0)

    # -- the account ---------------------------------------------------------------------------------------------

    def closing(self, trade: Trade, bid: int | None = None) -> int:
        m = self.markets[trade.symbol]
        return (m.bid if bid is None else bid) + (m.gap if trade.side < 0 else 0)

    def equity(self, symbol: int | None = None, bid: int | None = None) -> int:
        """Cents, at the last quotes, or with another bid for one symbol. A symbol's open trades are rounded at once."""
        total = self.balance + sum(t.swap for t in self.open)
        for s, m in enumerate(self.markets):
            price = bid if s == symbol else None
            gains = ((t.gain(self.closing(t, price)), t.steps) for t in self.open if t.symbol == s)
            total += cents(sum((m.money(*gain) for gain in gains), Fraction(0)))
        return total

    def margin_of(self, symbol: int, entry: int, steps: int) -> Fraction:
        if self.settings.leverage is None:
            return Fraction(0)
        m = self.markets[symbol]
        return m.money(entry, steps) * exact(m.instrument.margin_rate) / exact(self.settings.leverage)

    def used_margin(self) -> Fraction:
        return sum((self.margin_of(t.symbol, t.entry, t.steps) for t in self.open), Fraction(0))

    def stop_out(self, symbol: int, candle: Candle, *, before_levels: bool) -> None:
        """Close what loses most while the equity is at the level; before SL and TP only where no SL is nearer."""
        if self.settings.leverage is None:
            return
        fresh = any(t.symbol == symbol and t.touched == candle.time for t in self.open)
        if before_levels and fresh:
            return
        bid = candle.open
        while self.open:
            met = self.meets_level(symbol, [candle.close] if fresh else self.way_down(symbol, bid, candle))
            if met is None:
                return
            stops = ((self.closing(t, met) - t.sl) * t.side <= 0 for t in self.of(symbol) if t.sl is not None)
            if before_levels and any(stops):
                return
            bid = self.markets[symbol].bid = met
            trade = min(self.open, key=lambda t: cents(self.markets[t.symbol].money(t.gain(self.closing(t)), t.steps)))
            price = self.closing(trade)
            if trade.symbol == symbol and not before_levels and not fresh:
                trade.worst, trade.best = trade.extremes  # it did not live to see the rest of the candle
            self.leave(trade, trade.steps, candle, max(candle.time, trade.time), price, "stop_out")

    def of(self, symbol: int) -> Iterator[Trade]:
        return (t for t in self.open if t.symbol == symbol)

    def way_down(self, symbol: int, start: int, candle: Candle) -> range:
        """The bids from `start` to the extreme that costs the symbol's trades."""
        net = sum(t.side * t.steps for t in self.of(symbol))
        if net == 0:
            return range(start, start + 1)
        return range(start, candle.low - 1, -1) if net > 0 else range(start, candle.high + 1)

    def meets_level(self, symbol: int, bids: Sequence[int]) -> int | None:
        """The first of monotonously worse bids at which the equity is down to the stop-out level."""
        level = self.used_margin() * exact(self.settings.stop_out_level)  # per cent of money: cents

        def down(bid: int) -> bool:
            return self.equity(symbol, bid) <= level

        if down(bids[0]):
            return bids[0]
        if not down(bids[-1]):
            return None
        low, high = 0, len(bids) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if down(bids[middle]) else (middle, high)
        return bids[high]

    def rollovers(self, rows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
        """(moment, weekday counted from Sunday) of every booking in the data."""
        zone = ZoneInfo(self.settings.rollover_timezone)
        at = time.fromisoformat(self.settings.rollover_time)
        first, last = rows[0][0], rows[-1][0]
        day = datetime.fromtimestamp(first / 1000, UTC).astimezone(zone).date()
        found = []
        while (moment := round(datetime.combine(day, at, zone).timestamp() * 1000)) <= last:
            if moment > first and day.weekday() < 5:
                found.append((moment, day.weekday() + 1))
            day += timedelta(days=1)
        return found

    def book_swap(self, weekday: int) -> None:
        for trade in self.open:
            m = self.markets[trade.symbol]
            i = m.instrument
            rate = exact(i.swap_long if trade.side > 0 else i.swap_short)
            lots = trade.steps * m.step
            if i.swap_mode == "points":
                a_night = rate * exact(i.point) / exact(i.tick_size) * exact(i.tick_value) * lots
            elif i.swap_mode == "money":
                a_night = rate * lots
            else:
                a_night = rate / 100 / 360 * m.money(m.bid, trade.steps)
            trade.swap += cents(a_night * (3 if weekday == i.swap_triple_day else 1))

    def end(self) -> None:
        for order in self.orders:
            if not order.waiting:
                self.refuse(order.asked, "no_market")
        for trade in list(self.open):
            candle = self.markets[trade.symbol].candles[-1]
            price = candle.close + (candle.gap if trade.side < 0 else 0)
            self.leave(trade, trade.steps, candle, candle.time + MINUTE, price, "end_of_data")

    # -- the trade log -------------------------------------------------------------------------------------------

    def leave(self, trade: Trade, steps: int, candle: Candle, moment: int, price: int, reason: str) -> None:
        """Close a part of a trade or all of it, and write it down."""
        m = self.markets[trade.symbol]
        whole = steps == trade.steps
        entry_fee, swap = (
            amount if whole else int(Fraction(amount * steps, trade.steps)) for amount in (trade.commission, trade.swap)
        )
        fees = entry_fee + cents(steps * m.step * exact(self.settings.commission_per_lot))
        gross = cents(m.money(trade.gain(price), steps))
        self.balance += gross - fees + entry_fee + swap
        if not whole or trade.part:
            trade.part += 1
        trade.commission, trade.swap, trade.steps = trade.commission - entry_fee, trade.swap - swap, trade.steps - steps
        if whole:
            self.open.remove(trade)
        distance = None if trade.first_sl is None else abs(trade.entry - trade.first_sl)
        pnl = gross - fees + swap
        possible = [pnl, *(cents(m.money(trade.gain(other), steps)) - fees + swap for other in trade.others)]
        risk = None if distance is None else m.money(distance, steps)
        bars = bisect_right(m.labels, candle.time) - bisect_right(m.labels, trade.minute)
        self.log.append(
            {
                "id": trade.id, "part": trade.part, "symbol": m.instrument.symbol,
                "side": "BUY" if trade.side > 0 else "SELL", "lots": float(steps * m.step),
                "entry_time": trade.time, "entry_price": m.price(trade.entry),
                "exit_time": moment, "exit_price": m.price(price),
                "sl": None if trade.first_sl is None else m.price(trade.first_sl),
                "tp": None if trade.first_tp is None else m.price(trade.first_tp),
                "initial_risk": None if risk is None else float(risk),
                "pnl": pnl / 100, "pnl_r": float(Fraction(pnl, 100) / risk) if risk else None,
                "pnl_pessimistic": min(possible) / 100, "pnl_optimistic": max(possible) / 100,
                "commission": fees / 100, "swap": swap / 100,
                "mae_r": min(0, trade.worst, trade.gain(price)) / distance if distance else None,
                "mfe_r": max(0, trade.best, trade.gain(price)) / distance if distance else None,
                "bars_held": bars, "exit_reason": reason, "intrabar_decided": trade.decided, "tag": trade.tag,
            }
        )  # fmt: skip


def meant(action: dict[str, Any], key: str, subject: Trade | Order) -> bool:
    """Whether an action that names an id, a tag or nothing concerns a trade or an order."""
    if action.get(key) is not None:
        return bool(subject.id == action[key])
    return action.get("tag") is None or subject.tag == action["tag"]
