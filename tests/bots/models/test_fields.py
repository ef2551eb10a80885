"""The log of trades comes back as it was written, however it travels."""

import pytest
from django.core import serializers
from django.db import connection

from bots.models import BacktestRun
from tests.factories import BacktestRunFactory

LOG = [{"id": number, "symbol": "EURUSD", "tp": None, "tag": "∅", "pnl": -0.1 * number} for number in range(500)]

pytestmark = pytest.mark.django_db


def test_it_comes_back_as_it_was_and_much_smaller():
    run = BacktestRunFactory(simulated_trades_log=LOG)
    assert BacktestRun.objects.get(pk=run.pk).simulated_trades_log == LOG
    with connection.cursor() as cursor:
        cursor.execute("select length(simulated_trades_log) from bots_backtestrun")
        (size,) = cursor.fetchone()
    assert size < len(str(LOG)) / 3


def test_an_update_writes_it_too():
    run = BacktestRunFactory()
    BacktestRun.objects.update(simulated_trades_log=LOG[:2])
    run.refresh_from_db()
    assert run.simulated_trades_log == LOG[:2]


def test_a_new_run_has_none():
    assert BacktestRun.objects.get(pk=BacktestRunFactory().pk).simulated_trades_log == []


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_fixture_keeps_it(form):
    run = BacktestRunFactory(simulated_trades_log=LOG[:3])
    text = serializers.serialize(form, [run])
    (back,) = serializers.deserialize(form, text)
    assert back.object.simulated_trades_log == LOG[:3]
