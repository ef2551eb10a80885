"""Trades, equity and candles of a run over REST, as a chart and a table ask for them."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from analysis.candle_store.layout import partition_path, symbol_dir
from analysis.downsample import aggregate_ohlc
from analysis.utils.data_processor import load_m1_candles, merge_m1
from bots import services
from bots.models import BacktestRun
from bots.services.artifacts import backtest_folder
from tests.analysis.series import START, candles
from tests.factories import BacktestRunFactory, InstrumentSpecificationFactory, UserFactory

pytestmark = pytest.mark.django_db

WINDOW = {"data_window_start": START, "data_window_end": START + timedelta(minutes=3_000)}


@pytest.fixture(autouse=True)
def store(tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path / "data"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    merge_m1(candles(4_000), data_root=settings.MARKET_DATA_ROOT)
    return settings.MARKET_DATA_ROOT


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def waiting(user):
    return BacktestRunFactory(config__bot_version__bot__created_by=user, **WINDOW)


@pytest.fixture
def done(waiting):
    """A run that was really executed."""
    InstrumentSpecificationFactory()
    version = waiting.config.bot_version
    version.code = services.get_strategy_template_content("ema_crossover_v1.py")
    version.params = {"ema_short_period": 3, "ema_long_period": 8}
    version.save()
    services.execute_backtest(str(waiting.pk), worker="host:1")
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error) == ("COMPLETED", "")
    return waiting


def get(client, run, what, expect=200, **query):
    answer = client.get(f"/api/bots/backtest-runs/{run.pk}/{what}/", query)
    assert answer.status_code == expect, answer.content
    return answer.json()


def iso(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def test_trades_are_the_whole_log_page_by_page(client, done):
    log = done.simulated_trades_log
    assert len(log) > 20
    first = get(client, done, "trades", page_size=7)
    assert (first["count"], first["results"], first["previous"]) == (len(log), log[:7], None)
    assert "page=2" in first["next"]
    seen = [
        t
        for page in range(1, -(-len(log) // 7) + 1)
        for t in get(client, done, "trades", page_size=7, page=page)["results"]
    ]
    assert seen == log
    get(client, done, "trades", expect=404, page_size=7, page=len(log))


def test_a_run_without_a_result_has_no_trades_and_no_equity_but_candles(client, waiting):
    assert get(client, waiting, "trades") == {"count": 0, "next": None, "previous": None, "results": []}
    assert get(client, waiting, "equity") == {"total": 0, "points": []}
    assert get(client, waiting, "candles")["total"] == 3_000


def test_the_equity_is_that_of_the_artifact_from_first_to_last(client, done):
    full = get(client, done, "equity", max_points=10_000)
    assert full["total"] == len(full["points"]) == 3_001  # before the first candle, and after each
    assert full["points"][0] == {"timestamp": iso(0), "equity": 10_000.0}
    assert full["points"][-1] == {"timestamp": iso(3_000), "equity": done.stats["final_equity"]}


def test_a_thinned_equity_keeps_its_extremes_and_says_how_much_there_is(client, done):
    full = [point["equity"] for point in get(client, done, "equity", max_points=10_000)["points"]]
    few = get(client, done, "equity", max_points=20)
    values = [point["equity"] for point in few["points"]]
    assert few["total"] == 3_001
    assert len(values) <= 20
    assert (values[0], values[-1], min(values), max(values)) == (full[0], full[-1], min(full), max(full))


def test_a_part_of_the_equity_is_asked_for_with_from_and_to(client, done):
    part = get(client, done, "equity", **{"from": iso(100), "to": iso(110)})
    assert [point["timestamp"] for point in part["points"]] == [iso(minute) for minute in range(100, 111)]
    full = get(client, done, "equity", max_points=10_000)["points"]
    assert part["points"] == full[100:111]


def test_without_its_artifacts_the_equity_is_the_outline_in_the_row(client, done):
    shutil.rmtree(backtest_folder(done))
    answer = get(client, done, "equity", max_points=10_000)
    assert answer["points"] == done.equity_curve
    assert answer["total"] == len(done.equity_curve)
    part = get(client, done, "equity", **{"to": iso(50)})["points"]
    assert part == [point for point in done.equity_curve if point["timestamp"] <= iso(50)]


def test_candles_are_m1_where_they_fit(client, waiting, store):
    answer = get(client, waiting, "candles", **{"from": iso(10), "to": iso(13)})
    stored = load_m1_candles("EURUSD", START + timedelta(minutes=10), START + timedelta(minutes=13), data_root=store)
    assert answer == {
        "symbol": "EURUSD",
        "minutes": 1,
        "total": 3,
        "candles": [
            {
                "time": iso(10 + i), "open": stored.open[i], "high": stored.high[i], "low": stored.low[i],
                "close": stored.close[i], "tick_volume": stored.tick_volume[i],
            }
            for i in range(3)
        ],
    }  # fmt: skip


@pytest.mark.parametrize(("max_points", "minutes"), [(3_000, 1), (2_000, 2), (600, 5), (50, 60), (4, 1440)])
def test_longer_candles_are_exact_aggregates(client, waiting, store, max_points, minutes):
    answer = get(client, waiting, "candles", max_points=max_points)
    exact = aggregate_ohlc(load_m1_candles("EURUSD", *WINDOW.values(), data_root=store), minutes)
    assert (answer["minutes"], answer["total"], len(answer["candles"])) == (minutes, 3_000, len(exact))
    for name in ("open", "high", "low", "close", "tick_volume"):
        assert [bar[name] for bar in answer["candles"]] == getattr(exact, name).tolist()
    assert [bar["time"] for bar in answer["candles"]] == [
        datetime.fromtimestamp(t / 1000, UTC).isoformat().replace("+00:00", "Z") for t in exact.time
    ]
    assert len(exact) <= max_points


@pytest.mark.parametrize("what", ["equity", "candles"])
def test_a_window_never_leaves_the_run_s_own(client, done, what):
    wide = get(client, done, what, **{"from": "1990-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"})
    assert wide == get(client, done, what)
    assert get(client, done, what, **{"from": iso(3_500)})["total"] == 0
    assert get(client, done, what, to=iso(-5))["total"] == 0
    assert get(client, done, what, **{"from": iso(9), "to": iso(8)})["total"] == 0


def test_candles_that_are_no_longer_stored_are_none(client, done, store):
    shutil.rmtree(store)
    assert get(client, done, "candles") == {"symbol": "EURUSD", "minutes": 1, "total": 0, "candles": []}


def test_damaged_candles_are_a_conflict_that_does_not_name_the_file(client, waiting, store):
    partition_path(symbol_dir(store, "EURUSD"), 2024).write_bytes(b"PAR1 nonsense")
    problem = get(client, waiting, "candles", expect=409)
    assert problem["code"] == "corrupt_candles"
    assert str(store) not in str(problem)


@pytest.mark.parametrize("what", ["equity", "candles"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"max_points": "3"}, "max_points"), ({"max_points": "10001"}, "max_points"),
        ({"max_points": ""}, "max_points"), ({"max_points": "5.0"}, "max_points"),
        ({"max_points": " 5"}, "max_points"), ({"max_points": "٥"}, "max_points"),
        ({"max_points": "9" * 5_000}, "max_points"), ({"from": "2024-01-08"}, "from"), ({"from": ""}, "from"),
        ({"from": "2024-01-08T00:00:00"}, "from"), ({"to": "0001-01-01T00:00:00+14:00"}, "to"),
        ({"until": iso(5)}, "until"), ({"page": "1"}, "page"),
    ],
)  # fmt: skip
def test_a_bad_window_is_refused_with_its_parameter(client, waiting, what, query, field):
    problem = get(client, waiting, what, expect=400, **query)
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.fixture
def pair(waiting, store):
    """A run of two symbols, with a log of theirs."""
    merge_m1(candles(3_000, symbol="GBPUSD", seed=2), data_root=store)
    log = [{"id": number, "symbol": ("EURUSD", "GBPUSD")[number % 3 == 0]} for number in range(1, 31)]
    BacktestRun.objects.filter(pk=waiting.pk).update(
        instrument_symbols=["EURUSD", "GBPUSD"], simulated_trades_log=log, status="COMPLETED", attempt=1
    )
    waiting.refresh_from_db()
    return waiting


def draw(run, overlays):
    backtest_folder(run).mkdir(parents=True)
    (backtest_folder(run) / "overlays.json").write_text(json.dumps(overlays))


def test_trades_of_one_symbol_are_cut_from_the_log_page_by_page(client, pair):
    everything = get(client, pair, "trades", page_size=100)["results"]
    assert everything == pair.simulated_trades_log
    for symbol, count in (("EURUSD", 20), ("GBPUSD", 10)):
        wanted = [trade for trade in everything if trade["symbol"] == symbol]
        assert len(wanted) == count
        first = get(client, pair, "trades", symbol=symbol, page_size=6)
        assert (first["count"], first["results"]) == (count, wanted[:6])
        assert f"symbol={symbol}" in first["next"]
        assert get(client, pair, "trades", symbol=symbol, page_size=6, page=2)["results"] == wanted[6:12]


def test_candles_are_those_of_the_symbol_asked_for(client, pair, store):
    for symbol in ("EURUSD", "GBPUSD"):
        answer = get(client, pair, "candles", symbol=symbol, max_points=3_000)
        stored = load_m1_candles(symbol, *WINDOW.values(), data_root=store)
        assert (answer["symbol"], answer["total"]) == (symbol, 3_000)
        assert [bar["close"] for bar in answer["candles"]] == stored.close.tolist()
    assert get(client, pair, "candles")["symbol"] == "EURUSD"


def test_overlays_are_those_of_the_symbol_asked_for(client, pair):
    drawn = {"EURUSD": {"lines": [1.5, None]}, "GBPUSD": {"markers": ["∅"]}}
    draw(pair, drawn)
    for symbol in drawn:
        assert get(client, pair, "overlays", symbol=symbol) == {"symbol": symbol, "overlays": drawn[symbol]}
    assert get(client, pair, "overlays") == {"symbol": "EURUSD", "overlays": drawn["EURUSD"]}


def test_a_symbol_without_overlays_has_none(client, pair):
    draw(pair, {"EURUSD": {"lines": []}})
    assert get(client, pair, "overlays", symbol="GBPUSD") == {"symbol": "GBPUSD", "overlays": {}}


def test_a_run_without_a_result_or_its_artifacts_has_no_overlays(client, waiting):
    nothing = {"symbol": "EURUSD", "overlays": {}}
    draw(waiting, {"EURUSD": {"lines": [1]}})  # an attempt that did not end well
    assert get(client, waiting, "overlays") == nothing
    BacktestRun.objects.update(status="COMPLETED")
    assert get(client, waiting, "overlays") != nothing
    shutil.rmtree(backtest_folder(waiting))
    assert get(client, waiting, "overlays") == nothing


def test_a_finished_run_has_what_its_strategy_drew(client, done):
    stored = json.loads((backtest_folder(done) / "overlays.json").read_text())
    assert get(client, done, "overlays")["overlays"] == stored.get("EURUSD", {})


@pytest.mark.parametrize("what", ["trades", "candles", "overlays"])
@pytest.mark.parametrize("symbol", ["USDJPY", "", "eurusd", "../../etc", "x" * 30])
def test_a_symbol_that_is_not_the_run_s_is_refused(client, pair, what, symbol):
    problem = get(client, pair, what, expect=400, symbol=symbol)
    assert [error["field"] for error in problem["errors"]] == ["symbol"]


@pytest.mark.parametrize(("what", "query"), [("equity", "symbol"), ("trades", "from"), ("overlays", "max_points")])
def test_a_parameter_that_does_not_exist_is_refused(client, pair, what, query):
    problem = get(client, pair, what, expect=400, **{query: "EURUSD"})
    assert [error["field"] for error in problem["errors"]] == [query]


@pytest.mark.parametrize("what", ["equity", "candles", "trades", "overlays"])
def test_a_chart_does_not_load_what_it_does_not_show(client, done, what):
    with CaptureQueriesContext(connection) as captured:
        get(client, done, what)
    assert len(captured) <= 5
    loaded = "".join(query["sql"] for query in captured.captured_queries)
    heavies = ("stats", "equity_curve", "refusals", "data_snapshot", "settings_snapshot", "instrument_snapshot")
    for heavy in (*(f'"bots_backtestrun"."{name}"' for name in heavies), '"code"'):
        assert heavy not in loaded


def test_the_log_of_a_huge_run_is_read_by_the_page(client, waiting):
    trade = {"id": 1, "symbol": "EURUSD"}
    BacktestRun.objects.update(simulated_trades_log=[{**trade, "id": n} for n in range(20_000)])
    page = get(client, waiting, "trades", page=40, page_size=500)
    assert [row["id"] for row in page["results"]] == list(range(19_500, 20_000))
    assert page["next"] is None


def test_one_template_has_its_source(client):
    answer = client.get("/api/bots/strategy-templates/ema_crossover_v1.py/").json()
    (listed,) = [
        entry for entry in client.get("/api/bots/strategy-templates/").json() if entry["filename"] == answer["filename"]
    ]
    source = answer.pop("strategy_file_content")
    assert answer == listed
    assert source == services.get_strategy_template_content("ema_crossover_v1.py")
    assert set(listed) == {"filename", "display_name", "kind", "doc", "params_schema", "default_params"}


@pytest.mark.parametrize("name", ["nope.py", "__init__.py", "..", "%2e%2e%2fmanage.py", "ema_crossover_v1"])
def test_what_is_no_template_is_not_found(client, name):
    assert client.get(f"/api/bots/strategy-templates/{name}/").status_code == 404


def test_a_broken_template_does_not_hide_the_others(client, settings, tmp_path, caplog):
    source = services.get_strategy_template_content("ema_crossover_v1.py")
    (tmp_path / "good.py").write_text(source)
    (tmp_path / "bad.py").write_text("def (")
    settings.STRATEGY_TEMPLATE_DIR = tmp_path
    assert [entry["filename"] for entry in client.get("/api/bots/strategy-templates/").json()] == ["good.py"]
    assert "bad.py" in caplog.text
    answer = client.get("/api/bots/strategy-templates/bad.py/")
    assert (answer.status_code, answer.json()["line"]) == (400, 1)


def test_points_answered_are_plain_numbers(client, done):
    values = [point["equity"] for point in get(client, done, "equity")["points"]]
    assert np.isfinite(values).all()
