"""A migration that moves data loses none."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from bots.models import BacktestRun
from tests.factories import BacktestRunFactory

LOG = [{"id": 1, "pnl": -0.5, "tag": "∅"}, {"id": 2, "pnl": 1e-7, "tag": None}]


def migrate(name: str):
    executor = MigrationExecutor(connection)
    executor.migrate([("bots", name)])
    return executor.loader.project_state([("bots", name)]).apps.get_model("bots", "BacktestRun")


@pytest.mark.django_db(transaction=True)
def test_the_log_of_trades_is_packed_and_unpacked_again():
    with_trades, without = BacktestRunFactory(simulated_trades_log=LOG), BacktestRunFactory()
    try:
        before = migrate("0002_symbols_margin_snapshots").objects
        assert before.get(pk=with_trades.pk).simulated_trades_log == LOG
        assert before.get(pk=without.pk).simulated_trades_log == []
    finally:
        migrate("0003_compressed_trade_log")
    assert BacktestRun.objects.get(pk=with_trades.pk).simulated_trades_log == LOG
    assert BacktestRun.objects.get(pk=without.pk).simulated_trades_log == []
