"""A strategy written for backtrader, uploaded and run as any other: same inputs, same result."""

from datetime import timedelta

import numpy as np
import pytest
from rest_framework.test import APIClient

from analysis.candles import Candles
from analysis.utils.data_processor import merge_m1
from bots import services
from bots.models import BacktestRun
from tests.analysis.series import START, ms
from tests.factories import BotFactory, InstrumentSpecificationFactory, UserFactory

pytestmark = pytest.mark.django_db

BACKTRADER = """
import backtrader as bt

from analysis.strategy.overlays import Overlays


class Every(bt.Strategy):
    params = (("minutes", 30), ("ticks", 30), ("fails_after", 0))

    def next(self):
        for data in self.datas:
            self.on_bar(data)

    def on_bar(self, data):
        if self.p.fails_after and len(data) > self.p.fails_after:
            raise ValueError("enough")
        if data.datetime.time(0).minute % self.p.minutes:
            return
        close, away = data.close[0], self.p.ticks * data.instrument.tick_size
        self.buy_bracket(
            data=data, size=0.1, exectype=bt.Order.Market, stopprice=close - away, limitprice=close + away
        )

    def chart_overlays(self):
        return {data._name: Overlays().remark(f"{len(data)} bars") for data in self.datas}
"""
TICK = """
from analysis.strategy import BaseStrategy


class Strategy(BaseStrategy):
    def get_min_bars_needed(self, buffer_bars=10):
        return 1

    def run_tick(self, window, equity):
        if window.index[-1].minute % 30:
            return []
        close, away = window["close"].iloc[-1], 30 * self.instrument_spec.tick_size
        return [{"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "sl": close - away, "tp": close + away}]
"""


def candles(symbol: str, seed: int, bars: int = 3_000) -> Candles:
    rng = np.random.default_rng(seed)
    close = (1.1 + np.cumsum(rng.normal(0, 1e-4, bars))).round(5)
    opening = np.concatenate([[1.1], close[:-1]])
    return Candles(
        symbol=symbol,
        time=ms(START) + 60_000 * np.arange(bars, dtype=np.int64),
        open=opening,
        high=(np.maximum(opening, close) + 5e-5).round(5),
        low=(np.minimum(opening, close) - 5e-5).round(5),
        close=close,
        tick_volume=np.full(bars, 10, dtype=np.int64),
        spread=np.full(bars, 8, dtype=np.int32),
    )


@pytest.fixture(autouse=True)
def store(tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path / "data"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    for seed, symbol in enumerate(("EURUSD", "GBPUSD")):
        merge_m1(candles(symbol, seed), data_root=settings.MARKET_DATA_ROOT)
        InstrumentSpecificationFactory(symbol=symbol)


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    client = APIClient()
    client.force_login(user)
    return client


def post(client, path, expect, **body):
    answer = client.post(f"/api/bots/{path}/", body, format="json")
    assert answer.status_code == expect, answer.content
    return answer.json()


def launched(client, user, code, params=None, **changes) -> BacktestRun:
    """A run of `code`, uploaded and launched over the API."""
    bot = BotFactory(created_by=user)
    version = post(client, "versions", 201, bot_id=str(bot.pk), strategy_file_content=code, params=params or {})
    config = post(
        client, "backtest-configs", 201, bot_version=version["id"], label="L", initial_equity="10000.00",
        commission_per_lot="3.50", slippage_ms=200,
    )  # fmt: skip
    window = {
        "instrument_symbols": ["EURUSD"], "data_window_start": START.isoformat(),
        "data_window_end": (START + timedelta(days=2)).isoformat(), **changes,
    }  # fmt: skip
    run = post(client, "backtests/launch", 202, bot_version_id=version["id"], backtest_config_id=config["id"], **window)
    return BacktestRun.objects.get(pk=run["id"])


def executed(run: BacktestRun) -> BacktestRun:
    services.execute_backtest(str(run.pk), worker="host:1")
    run.refresh_from_db()
    return run


def test_it_gives_the_result_a_tick_strategy_gives(client, user):
    ours, other = (executed(launched(client, user, code)) for code in (BACKTRADER, TICK))
    assert (ours.status, ours.error, ours.bars_done) == ("COMPLETED", "", ours.bars_total)
    assert len(ours.simulated_trades_log) > 50
    assert ours.simulated_trades_log == other.simulated_trades_log
    assert (ours.stats, ours.equity_curve, ours.warnings) == (other.stats, other.equity_curve, other.warnings)
    answers = [client.get(f"/api/bots/backtest-runs/{run.pk}/").json() for run in (ours, other)]
    assert set(answers[0]) == set(answers[1])


def test_its_drawing_is_that_of_the_run(client, user):
    run = executed(launched(client, user, BACKTRADER))
    drawn = client.get(f"/api/bots/backtest-runs/{run.pk}/overlays/").json()["overlays"]
    assert "2880 bars" in drawn["notes"]
    assert len(drawn["order_boxes"]) == len(run.simulated_trades_log)


def test_several_symbols_are_one_run_on_one_equity(client, user):
    run = executed(launched(client, user, BACKTRADER, instrument_symbols=["EURUSD", "GBPUSD"]))
    assert run.status == "COMPLETED"
    assert {trade["symbol"] for trade in run.simulated_trades_log} == {"EURUSD", "GBPUSD"}
    total = sum(trade["pnl"] for trade in run.simulated_trades_log)
    assert round(10_000 + total, 2) == run.stats["final_equity"]


def test_its_params_are_those_of_the_version(client, user):
    seldom = executed(launched(client, user, BACKTRADER, params={"minutes": 60}))
    often = executed(launched(client, user, BACKTRADER))
    assert 0 < len(seldom.simulated_trades_log) < len(often.simulated_trades_log)


def test_params_it_does_not_have_are_refused_at_the_upload(client, user):
    bot = BotFactory(created_by=user)
    problem = post(
        client,
        "versions",
        400,
        bot_id=str(bot.pk),
        strategy_file_content=BACKTRADER,
        params={"minutos": 1, "ticks": "x"},
    )
    assert {error["field"] for error in problem["errors"]} == {"params.minutos", "params.ticks"}


def test_what_it_raises_is_the_end_of_the_run_with_line_and_bar(client, user):
    run = executed(launched(client, user, BACKTRADER, params={"fails_after": 600}))
    assert (run.status, run.error_code) == ("FAILED", "strategy_error")
    assert run.error == "The strategy raised ValueError: enough on the bar of 2024-01-08 10:00 UTC"
    assert 'raise ValueError("enough")' in run.error_traceback


def test_reading_ahead_fails_the_run(client, user):
    run = executed(
        launched(client, user, BACKTRADER.replace("close, away = data.close[0]", "close, away = data.close[1]"))
    )
    assert (run.status, run.error_code) == ("FAILED", "look_ahead")


def test_a_run_that_is_cancelled_on_its_way_ends_without_a_result(client, user, monkeypatch):
    run = launched(client, user, BACKTRADER)
    claim = BacktestRun.objects.claim

    def claim_then_cancel(run_id, *, worker):
        claimed = claim(run_id, worker=worker)
        services.cancel_backtest(run)
        return claimed

    monkeypatch.setattr(BacktestRun.objects, "claim", claim_then_cancel)
    run = executed(run)
    assert (run.status, run.simulated_trades_log) == ("CANCELLED", [])
