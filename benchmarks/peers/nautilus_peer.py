"""The work on NautilusTrader: bracket orders submitted from `on_bar`, which fill at that bar's close."""

from decimal import Decimal

import nautilus_trader
import numpy as np
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import EUR, USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers import indicators, rules
from benchmarks.peers.protocol import Candles, Outcome, serve

VENUE = Venue("BENCH")
INSTRUMENT_ID = InstrumentId(Symbol("EUR/USD"), VENUE)
BAR_TYPE = BarType.from_str(f"{INSTRUMENT_ID}-1-MINUTE-LAST-EXTERNAL")
DIGITS = 9  # so fine that rounding SL and TP hardly matters


class EmaCross(Strategy):
    """Reads indicators that are calculated beforehand: its own are seeded in another way."""

    def __init__(self, instrument, fast, slow, atr):
        super().__init__(StrategyConfig())
        self.instrument = instrument
        self.fast, self.slow, self.atr = fast, slow, atr
        self.bar = -1
        self.fills = []

    def on_start(self):
        self.subscribe_bars(BAR_TYPE)

    def on_bar(self, bar):
        self.bar = i = self.bar + 1
        if i < rules.FIRST_BAR:
            return
        if self.fast[i - 1] <= self.slow[i - 1] and self.fast[i] > self.slow[i]:
            up = 1
        elif self.fast[i - 1] >= self.slow[i - 1] and self.fast[i] < self.slow[i]:
            up = -1
        else:
            return
        if self.portfolio.is_flat(INSTRUMENT_ID):
            self._enter(up, bar.close.as_double(), self.atr[i])

    def _enter(self, up, close, atr):
        equity = self.portfolio.account(VENUE).balance_total(USD).as_double()
        orders = self.order_factory.bracket(
            instrument_id=INSTRUMENT_ID,
            order_side=OrderSide.BUY if up > 0 else OrderSide.SELL,
            quantity=self.instrument.make_qty(rules.RISK * equity / (rules.SL_ATR * atr)),
            sl_trigger_price=self.instrument.make_price(close - up * rules.SL_ATR * atr),
            tp_price=self.instrument.make_price(close + up * rules.TP_ATR * atr),
        )
        self.submit_order_list(orders)

    def on_order_filled(self, event):
        self.fills.append((event.ts_event, event.order_side == OrderSide.BUY, event.last_px.as_double()))


class Nautilus:
    engine = "nautilus_trader"
    version = nautilus_trader.__version__

    def __init__(self, candles: Candles) -> None:
        self.candles = candles
        self.instrument = _instrument()
        frame = indicators.frame(candles).rename(columns=str.lower).tz_localize("UTC")
        self.bars = BarDataWrangler(BAR_TYPE, self.instrument).process(frame, default_volume=1e12)

    def run(self):
        _, _, high, low, close = self.candles
        averages = (indicators.ema(close, length).tolist() for length in (rules.FAST, rules.SLOW))
        atr = indicators.atr(high, low, close, rules.ATR).tolist()
        # Its own analysis afterwards is left out: at a year it takes another fifth of the time.
        quiet = LoggingConfig(bypass_logging=True)
        engine = BacktestEngine(BacktestEngineConfig(logging=quiet, run_analysis=False))
        engine.add_venue(
            venue=VENUE,
            oms_type=OmsType.NETTING,
            account_type=AccountType.MARGIN,
            base_currency=USD,
            starting_balances=[Money(rules.INITIAL_EQUITY, USD)],
            default_leverage=Decimal(100_000),
        )
        engine.add_instrument(self.instrument)
        engine.add_data(self.bars)
        strategy = EmaCross(self.instrument, *averages, atr)
        engine.add_strategy(strategy)
        engine.run()
        equity = engine.portfolio.account(VENUE).balance_total(USD).as_double()
        fills = strategy.fills
        engine.dispose()
        return fills, equity

    def outcome(self, result) -> Outcome:
        fills, equity = result
        fills = fills[: len(fills) // 2 * 2]
        bars = np.searchsorted(self.candles.time, np.array([time // 1_000_000 for time, _, _ in fills], np.int64))
        side = np.array([1 if buy else -1 for _, buy, _ in fills[::2]])
        price = np.array([price for _, _, price in fills])
        return Outcome(bars[::2], bars[1::2], side, price[::2], price[1::2], equity)


def _instrument():
    return CurrencyPair(
        instrument_id=INSTRUMENT_ID,
        raw_symbol=INSTRUMENT_ID.symbol,
        base_currency=EUR,
        quote_currency=USD,
        price_precision=DIGITS,
        size_precision=0,
        price_increment=Price(10**-DIGITS, DIGITS),
        size_increment=Quantity(1, 0),
        margin_init=Decimal(1),
        margin_maint=Decimal(1),
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
        ts_event=0,
        ts_init=0,
    )


if __name__ == "__main__":
    serve(Nautilus)
