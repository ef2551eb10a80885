"""Every template is listed, makes a bot with a version, and runs."""

from datetime import timedelta

import pytest

from analysis.utils.data_processor import merge_m1
from bots import services
from bots.selectors import strategy_templates
from tests.bots.services.test_backtest_execution import START, candles
from tests.factories import BacktestRunFactory, InstrumentSpecificationFactory, UserFactory

pytestmark = pytest.mark.django_db
KINDS = {"box_breakout_v1.py": "tick", "break_retest_v1.py": "backtrader", "ema_crossover_v1.py": "tick"}


def test_all_are_listed_with_what_a_form_needs():
    listed = strategy_templates()
    assert {template.filename: template.kind for template in listed} == KINDS
    for template in listed:
        assert set(template.params_schema) == set(template.default_params)
        assert template.doc


@pytest.mark.parametrize("name", KINDS)
def test_each_makes_a_bot_whose_first_version_trades(name, tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path / "data"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    merge_m1(candles(4 * 1_440), data_root=settings.MARKET_DATA_ROOT)
    InstrumentSpecificationFactory()
    bot = services.create_bot(user=UserFactory(), name="Mine", strategy_template=name)
    run = BacktestRunFactory(config__bot_version=bot.versions.get(), data_window_end=START + timedelta(days=4))
    services.execute_backtest(str(run.pk), worker="host:1")
    run.refresh_from_db()
    assert (run.status, run.error) == ("COMPLETED", "")
    assert len(run.simulated_trades_log) > 5
