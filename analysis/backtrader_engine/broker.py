"""backtrader's broker, as a door to the platform's market."""

from collections.abc import Mapping, Sequence
from typing import Any

import backtrader as bt

from analysis.backtrader_engine.costs import InstrumentCosts
from analysis.backtrader_engine.counter import Counter, Refused
from analysis.backtrader_engine.outcomes import Outcomes
from analysis.backtrader_engine.slips import Slip, expiry_of
from analysis.engine.journal import Journal
from analysis.engine.result import BacktestSettings
from analysis.engine.simulation import Simulation
from analysis.strategy import ActionRefused

# What scripts for backtrader's own broker call to set its rules. The rules of a run are the platform's.
_SETTERS = (
    "setcash", "set_cash", "add_cash", "setcommission", "addcommissioninfo", "set_coc", "set_coo", "set_eosbar",
    "set_checksubmit", "set_filler", "set_fundmode", "set_fund_history", "set_int2pnl", "set_shortcash",
    "set_slippage_fixed", "set_slippage_perc", "add_order_history", "set_fundstartval",
)  # fmt: skip


class PlatformBroker(bt.BrokerBase):
    """Takes orders in, sends them to the simulation and tells the strategy what came of them.

    `row` is the first candle after the decision. What the strategy tries to set is left as it is and remembered in
    `overruled`.
    """

    def __init__(
        self, simulation: Simulation, journal: Journal, settings: BacktestSettings, datas: Sequence[Any]
    ) -> None:
        super().__init__()
        self.overruled: set[str] = set()
        self.startingcash = settings.initial_equity
        self._simulation, self._journal = simulation, journal
        self._symbols: Mapping[int, int] = {id(data): symbol for symbol, data in enumerate(datas)}
        self._datas = datas
        self._costs = [InstrumentCosts.of(each, settings.commission_per_lot) for each in simulation.instruments]
        self._counter = Counter(simulation, journal)
        self._outcomes = Outcomes(self._counter, datas, self._costs, self._tell)
        self._news: list[Any] = []
        self._held_back: dict[int, list[Slip]] = {}  # brackets that are not transmitted yet, by the parent's ref
        for name in _SETTERS:
            setattr(self, name, self._overrule(name))

    def decide_at(self, row: int, close_time: int) -> None:
        """Let the market go on to a decision: the candles before `row` go by."""
        self._simulation.advance(row, row)
        self._counter.row, self._counter.close_time = row, close_time
        self._outcomes.catch_up()

    def finish(self) -> None:
        """Let the last candles go by and close what is open."""
        self._simulation.finish()
        self._counter.row = len(self._simulation.market)
        self._outcomes.catch_up()
        self._journal.hear()

    def getvalue(self, datas: Sequence[Any] | None = None) -> float:
        """Equity with what is open at the last prices, or what the positions in `datas` are worth."""
        if datas:
            sides = ((self._symbols[id(data)], data) for data in datas)
            return sum(self._costs[s].getvalue(self._outcomes.positions[s], data.close[0]) for s, data in sides)
        row = self._counter.row
        return float(self._simulation.equity[row - 1]) if row > self._simulation.first_row else self.startingcash

    def getcash(self) -> float:
        """The balance: equity without what is open."""
        account = self._simulation.state.account[0]
        return (int(account["balance"])) / 100

    get_value, get_cash = getvalue, getcash
    value, cash = property(getvalue), property(getcash)

    def get_fundvalue(self) -> float:
        """backtrader's name for the worth of a share; there are no shares, so it is the equity."""
        return self.getvalue()

    fundvalue = property(get_fundvalue)

    @property
    def positions(self) -> dict[Any, Any]:
        """Net positions by data."""
        return dict(zip(self._datas, self._outcomes.positions, strict=True))

    def getposition(self, data: Any) -> Any:
        """The net position in a data: size in lots, average price."""
        return self._outcomes.positions[self._symbols[id(data)]]

    def getcommissioninfo(self, data: Any) -> InstrumentCosts:
        """What lots of a data's instrument cost."""
        return self._costs[self._symbols[id(data)]]

    def get_orders_open(self, safe: bool = False) -> list[Any]:
        """The orders that something may still come of; with `safe`, copies."""
        return [order.clone() if safe else order for order in self._outcomes.waiting()]

    def orderstatus(self, order: Any) -> int:
        """The status of an order."""
        return int(order.status)

    def buy(self, owner: Any, data: Any, size: float, price: float | None = None, **kwargs: Any) -> Any:
        """Take in a buy order of `size` lots."""
        return self._take(bt.order.BuyOrder, owner, data, size, price, **kwargs)

    def sell(self, owner: Any, data: Any, size: float, price: float | None = None, **kwargs: Any) -> Any:
        """Take in a sell order of `size` lots."""
        return self._take(bt.order.SellOrder, owner, data, size, price, **kwargs)

    def _take(
        self, kind: Any, owner: Any, data: Any, size: float, price: float | None, *, plimit: Any = None,
        exectype: Any = None, valid: Any = None, tradeid: int = 0, oco: Any = None, trailamount: Any = None,
        trailpercent: Any = None, parent: Any = None, transmit: bool = True, **info: Any,
    ) -> Any:  # fmt: skip
        order = kind(
            owner=owner, data=data, size=size, price=price, pricelimit=plimit, exectype=exectype, tradeid=tradeid,
            oco=oco, trailamount=trailamount, trailpercent=trailpercent, parent=parent, transmit=transmit,
        )  # fmt: skip
        order.addinfo(**info)
        order.addcomminfo(self.getcommissioninfo(data))
        return self.submit(order, valid)

    def submit(self, order: Any, valid: Any = None) -> Any:
        """Send an order, or keep it until the last of its bracket is there."""
        order.submit(self)
        self._tell(order)
        slip = Slip(order, self._symbols[id(order.data)])
        leader = order.ref if order.parent is None else order.parent.ref
        if order.parent is not None and leader not in self._held_back:
            reason = "its parent is sent already: transmit=False on all orders of a bracket but the last"
            self._refuse([slip], ActionRefused("bracket", reason), None)
            return order
        group = self._held_back.setdefault(leader, [])
        group.append(slip)
        try:
            order.expiry = expiry_of(valid, self._counter.close_time)
        except ValueError as error:
            self._refuse(self._held_back.pop(leader), ActionRefused("not_understood", str(error)), None)
            return order
        if order.transmit:
            del self._held_back[leader]
            self._send(group)
        return order

    def cancel(self, order: Any) -> bool:
        """Withdraw an order. Returns whether the withdrawal is on its way."""
        for leader, group in list(self._held_back.items()):
            for slip in [slip for slip in group if slip.order.ref == order.ref]:
                leaving = self._held_back.pop(leader) if slip is group[0] else [slip]
                group.remove(slip)
                for each in leaving:
                    each.order.cancel()
                    self._tell(each.order)
                return True
        found = self._outcomes.alive.get(order.ref)
        if found is None or found.leaving:
            return False
        try:
            self._counter.cancel(found)
        except Refused as refused:
            self._note(found.order, refused.refusal, refused.written or {"action": "CANCEL_ORDER"})
            return False
        return True

    def get_notification(self) -> Any:
        """The next order to tell the strategy of, None when there is none."""
        return self._news.pop(0) if self._news else None

    def _send(self, group: list[Slip]) -> None:
        leader, *children = group
        leader.children = tuple(children)
        try:
            self._counter.send(leader)
        except Refused as refused:
            if not leader.requests:
                self._refuse(group, refused.refusal, refused.written)
                return
            leader.failed = -1  # a part is on its way, the rest is refused
            self._note(leader.order, refused.refusal, refused.written)
        for slip in group:
            self._outcomes.alive[slip.order.ref] = slip
            slip.order.accept(self)
            self._tell(slip.order)

    def _refuse(self, group: Sequence[Slip], refusal: ActionRefused, written: dict[str, Any] | None) -> None:
        """An order is rejected, and what hangs on it cancelled."""
        leader, *children = (slip.order for slip in group)
        self._note(leader, refusal, written)
        leader.reject(self)
        self._tell(leader)
        for order in children:
            order.cancel()
            self._tell(order)

    def _note(self, order: Any, refusal: ActionRefused, written: dict[str, Any] | None) -> None:
        """Among the run's refusals, and for the strategy in `order.info`."""
        order.addinfo(refused=refusal.code, reason=refusal.reason)
        shown = {
            "order": order.getordername(), "side": "BUY" if order.isbuy() else "SELL", "size": abs(order.created.size),
            "price": order.p.price,
        }  # fmt: skip
        time = self._counter.close_time
        self._journal.note(time, "refused", refusal.code, refusal.reason, shown if written is None else written)

    def _tell(self, order: Any) -> None:
        self._news.append(order.clone())

    def _overrule(self, name: str) -> Any:
        def remember(*args: Any, **kwargs: Any) -> None:
            self.overruled.add(name)

        return remember
