"""The report of a run and its files over REST."""

import asyncio
import csv
import gc
import io
import shutil
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.signals import request_finished
from django.db import close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings
from rest_framework.test import APIClient

from analysis.engine.trades import COLUMNS
from analysis.report import CONTENT_POLICY
from analysis.utils.data_processor import merge_m1
from bots import services
from bots.models import BacktestRun
from bots.services import exports
from bots.services.artifacts import backtest_folder
from tests.analysis.report.made import Page
from tests.analysis.series import START
from tests.bots.test_backtrader_runs import BACKTRADER, candles
from tests.factories import BacktestRunFactory, InstrumentSpecificationFactory, UserFactory

pytestmark = pytest.mark.django_db

EVIL = '"><script>alert()</script>'
FILES = [f"export/{part}.{kind}" for part in ("trades", "equity") for kind in ("csv", "parquet")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Candles of two symbols."""
    folder = tmp_path_factory.mktemp("market")
    for seed, symbol in enumerate(("EURUSD", "GBPUSD")):
        merge_m1(candles(symbol, seed), data_root=folder)
    return folder


@pytest.fixture(autouse=True)
def store(folder, tmp_path, settings):
    settings.MARKET_DATA_ROOT, settings.ARTIFACT_ROOT = folder, tmp_path / "artifacts"


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    client = APIClient()
    client.force_login(user)
    return client


def executed(user, code, **fields) -> BacktestRun:
    """A run that was really executed."""
    for symbol in ("EURUSD", "GBPUSD"):
        InstrumentSpecificationFactory(symbol=symbol)
    run = BacktestRunFactory(
        config__bot_version__bot__created_by=user, config__bot_version__code=code, data_window_start=START,
        data_window_end=START + timedelta(minutes=2_000), **fields,
    )  # fmt: skip
    services.execute_backtest(str(run.pk), worker="host:1")
    run.refresh_from_db()
    assert (run.status, run.error) == ("COMPLETED", "")
    return run


@pytest.fixture(scope="module")
def made(folder, django_db_setup, django_db_blocker):
    """The rows of an executed run, and where its files are; the database has forgotten it."""
    artifacts = override_settings(MARKET_DATA_ROOT=folder, ARTIFACT_ROOT=folder / "artifacts")
    with django_db_blocker.unblock(), artifacts, transaction.atomic():
        code = services.get_strategy_template_content("ema_crossover_v1.py")
        params = {"ema_short_period": 3, "ema_long_period": 8}
        run = executed(UserFactory(), code, config__bot_version__params=params)
        bot = run.config.bot_version.bot
        rows = (bot.account, bot, run.config.bot_version, run.config, run)
        transaction.set_rollback(True)
        return rows, backtest_folder(run)


@pytest.fixture
def done(made, user):
    """An executed run of the user."""
    rows, files = deepcopy(made)
    account, bot, *_, run = rows
    account.user = bot.created_by = run.created_by = user
    for row in rows:
        row.save(force_insert=True)
    shutil.copytree(files, backtest_folder(run))
    return BacktestRun.objects.get(pk=run.pk)


def get(client, run, what, expect=200, **query):
    answer = client.get(f"/api/bots/backtest-runs/{run.pk}/{what}", query)
    assert answer.status_code == expect, getattr(answer, "content", answer)
    return answer


def report(client, run) -> Page:
    return Page(get(client, run, "report/").content.decode())


def shut(answer):
    """What a server does with an answer nobody reads to the end."""
    request_finished.disconnect(close_old_connections)  # the test's own
    answer.close()
    request_finished.connect(close_old_connections)
    return answer


def content(client, run, what) -> bytes:
    return b"".join(get(client, run, what).streaming_content)


def rows(client, run, part):
    return list(csv.DictReader(io.StringIO(content(client, run, f"export/{part}.csv").decode())))


def test_the_report_says_what_the_run_says(client, done):
    page = report(client, done)
    version = done.config.bot_version
    stats = done.stats
    assert page.sections[-2:] == ["trades", "reproducibility"]
    for said in (
        version.bot.name, "EURUSD", version.code_hash, done.digest, done.data_fingerprint, str(done.pk),
        f"python manage.py verify_run {done.pk}", f"version {done.engine_version}", '"ema_short_period": 3',
        f"{stats['final_equity']:,.2f}", f"Trades ({stats['total_trades']})", *done.warnings,
    ):  # fmt: skip
        assert said in page.words
    assert "2,001 points" in page.words  # the whole curve, not the outline
    assert f"http://testserver/api/bots/backtest-runs/{done.pk}/export/trades.csv" in page.words


def test_the_report_is_a_page_that_may_do_nothing(client, done):
    answer = get(client, done, "report/")
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Security-Policy"] == f"{CONTENT_POLICY}; frame-ancestors 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Content-Disposition"] == 'inline; filename="EURUSD_2024-01-08_2024-01-09_report.html"'
    kept = get(client, done, "report/", download=1)
    assert kept["Content-Disposition"].startswith("attachment; ")
    assert len(kept.content) == len(answer.content)


@pytest.mark.parametrize("accept", ["text/html", "application/json", "image/png", "*/*"])
def test_files_are_sent_whatever_is_accepted_and_problems_are_json(client, done, accept):
    client.credentials(HTTP_ACCEPT=accept)
    assert get(client, done, "report/")["Content-Type"].startswith("text/html")
    assert shut(get(client, done, FILES[0]))["Content-Type"].startswith("text/csv")
    BacktestRun.objects.update(status="RUNNING")
    for what in ("report/", *FILES):
        assert get(client, done, what, expect=409)["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("query", [{"download": "2"}, {"download": "yes"}, {"page": "1"}])
def test_a_bad_query_is_refused(client, done, query):
    problem = get(client, done, "report/", expect=400, **query).json()
    assert [error["field"] for error in problem["errors"]] == list(query)
    get(client, done, "export/trades.csv", expect=400, symbol="EURUSD")


@pytest.mark.parametrize("status", sorted(set(BacktestRun.Status.values) - {"COMPLETED"}))
def test_a_run_without_a_result_has_no_report_and_no_files(client, user, status):
    run = BacktestRunFactory(config__bot_version__bot__created_by=user, status=status)
    for what in ("report/", *FILES):
        problem = get(client, run, what, expect=409).json()
        assert (problem["code"], problem["detail"]) == (
            "not_completed", f"Only a COMPLETED run has a result; this one is {status}",
        )  # fmt: skip


def test_a_run_of_somebody_else_is_not_there(done):
    stranger, nobody = APIClient(), APIClient()
    stranger.force_login(UserFactory())
    for what in ("report/", *FILES):
        assert get(stranger, done, what, expect=404).json()["code"] == "not_found"
        assert nobody.get(f"/api/bots/backtest-runs/{done.pk}/{what}").status_code in {401, 403}


def test_what_is_no_export_is_not_found(client, done):
    for what in ("export/overlays.csv", "export/trades.json", "export/..%2f..%2fsettings.csv", "export/trades.csv/"):
        get(client, done, what, expect=404)


def test_without_its_files_a_run_has_a_report_and_says_how_to_get_them_again(client, done):
    shutil.rmtree(backtest_folder(done))
    words = report(client, done).words
    assert "this is the outline the run kept" in words
    assert f"{len(done.equity_curve):,} points" in words
    for what in FILES:
        problem = get(client, done, what, expect=410).json()
        assert (problem["code"], problem["status"]) == ("artifacts_cleared", 410)
        assert "running it again makes the files again" in problem["detail"]


def test_nothing_a_user_wrote_becomes_markup(client, done):
    trade = done.simulated_trades_log[0] | {"tag": EVIL, "exit_reason": EVIL}
    refusal = {"time": "2024-01-08T00:00:00Z", "outcome": EVIL, "code": EVIL, "reason": EVIL, "action": "{}"}
    BacktestRun.objects.update(
        simulated_trades_log=[trade], refusals=[refusal], warnings=[EVIL], digest=EVIL, engine_version=EVIL[:15],
        settings_snapshot={"intrabar": EVIL, EVIL: 1}, instrument_snapshot=[{"symbol": EVIL}],
        instrument_symbols=[EVIL], instrument_symbol=EVIL,
    )  # fmt: skip
    bot = done.config.bot_version.bot
    bot.name = EVIL
    bot.save()
    answer = get(client, done, "report/")
    assert b"<script" not in answer.content
    assert "script" not in {name for name, _ in Page(answer.content.decode()).elements}
    named = 'filename="___script_alert____script__2024-01-08_2024-01-09_report.html"'
    assert answer["Content-Disposition"] == f"inline; {named}"


def test_a_run_without_a_trade_has_a_report_and_empty_files(client, user):
    idle = BACKTRADER.replace("            self.on_bar(data)", "            pass")
    run = executed(user, idle)
    assert run.simulated_trades_log == []
    assert "trades" not in report(client, run).sections
    assert content(client, run, "export/trades.csv").decode() == ",".join(COLUMNS) + "\n"
    table = pq.read_table(io.BytesIO(content(client, run, "export/trades.parquet")))
    assert (table.num_rows, table.schema.names) == (0, list(COLUMNS))
    assert len(rows(client, run, "equity")) == 2_001


def test_a_backtrader_run_of_two_symbols_has_a_report(client, user):
    run = executed(user, BACKTRADER, instrument_symbols=["EURUSD", "GBPUSD"])
    page = report(client, run)
    assert "EURUSD, GBPUSD" in page.words
    assert "By symbol" in page.words
    answer = shut(get(client, run, "export/trades.csv"))
    assert 'filename="EURUSD_and_1_more_2024-01-08_2024-01-09_trades.csv"' in answer["Content-Disposition"]
    assert {row["symbol"] for row in rows(client, run, "trades")} == {"EURUSD", "GBPUSD"}


def test_trades_as_csv_are_the_log_to_the_last_digit(client, done):
    got = rows(client, done, "trades")
    log = done.simulated_trades_log
    assert len(got) == len(log) > 20
    assert tuple(got[0]) == COLUMNS
    for row, trade in zip(got, log, strict=True):
        for name in ("id", "part", "bars_held"):
            assert int(row[name]) == trade[name]
        for name in ("lots", "entry_price", "exit_price", "sl", "tp", "pnl", "pnl_r", "mae_r", "commission", "swap"):
            assert (float(row[name]) if row[name] else None) == trade[name]
        for name in ("symbol", "side", "exit_reason", "tag"):
            assert row[name] == trade[name]
        for name in ("entry_time", "exit_time"):
            assert row[name].endswith("Z")
            assert datetime.fromisoformat(row[name]) == datetime.fromisoformat(trade[name])
        assert row["intrabar_decided"] == str(trade["intrabar_decided"]).lower()


def test_equity_as_csv_is_every_minute_in_utc(client, done):
    got = rows(client, done, "equity")
    assert [row["time"] for row in got] == [f"{START + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ}" for i in range(2_001)]
    assert (float(got[0]["equity"]), float(got[-1]["equity"])) == (10_000.0, done.stats["final_equity"])
    answer = shut(get(client, done, "export/equity.csv"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="EURUSD_2024-01-08_2024-01-09_equity.csv"'
    assert answer["Cache-Control"] == "private, no-cache"


def test_parquet_has_the_types_the_engine_has(client, done):
    answer = get(client, done, "export/trades.parquet")
    data = b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "application/vnd.apache.parquet"
    assert int(answer["Content-Length"]) == len(data)
    trades = pq.read_table(io.BytesIO(data))
    types = {name: str(trades.schema.field(name).type) for name in COLUMNS}
    assert {types[name] for name in ("id", "part", "entry_time", "exit_time", "bars_held")} == {"int64"}
    assert {types[name] for name in ("symbol", "side", "exit_reason", "tag")} == {"string"}
    assert types.pop("intrabar_decided") == "bool"
    assert set(types.values()) == {"int64", "double", "string"}
    first = datetime.fromtimestamp(trades["entry_time"][0].as_py() / 1000, UTC)
    assert first == datetime.fromisoformat(done.simulated_trades_log[0]["entry_time"])
    equity = pq.read_table(io.BytesIO(content(client, done, "export/equity.parquet")))
    assert str(equity.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    assert equity["time"][0].as_py() == START
    assert equity["equity"].to_numpy()[-1] == done.stats["final_equity"]


def written(values, name="tag"):
    """A column as its lines of CSV, read back."""
    lines = exports._lines(pa.record_batch([pa.array(values)], names=[name]))
    return [row[0] for row in csv.reader(io.StringIO(lines.decode(), newline=""))]


@pytest.mark.parametrize(
    "tag",
    ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
     "\x00=1", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0"],
)  # fmt: skip
def test_a_tag_is_no_formula_in_a_spreadsheet(tag):
    assert written([tag]) == ["'" + tag]


@pytest.mark.parametrize("tag", ["", "breakout", "a=b", "1+1", 'he said "x", then\nleft', "ü∅", "it's", ";=1"])
def test_any_other_tag_stays_what_it_is(tag):
    assert written(["x", tag, "y"])[1] == tag


def test_negative_numbers_stay_numbers_and_what_is_none_is_empty():
    lines = exports._lines(pa.record_batch([pa.array([-1.5, float("nan"), 1e-5])], names=["pnl"]))
    assert lines == b"-1.5\n\n0.00001\n"


def test_moments_between_seconds_keep_their_milliseconds():
    assert written([0, 1_500, -1_000], "entry_time") == [
        "1970-01-01T00:00:00Z", "1970-01-01T00:00:01.500Z", "1969-12-31T23:59:59Z",
    ]  # fmt: skip


def test_a_long_curve_is_sent_piece_by_piece(client, done, monkeypatch):
    count = 200_000
    time = pa.array(np.arange(count, dtype=np.int64) * 60_000, pa.timestamp("ms", tz="UTC"))
    pq.write_table(pa.table({"time": time, "equity": np.full(count, 1.5)}), backtest_folder(done) / "equity.parquet")
    pieces = list(get(client, done, "export/equity.csv").streaming_content)
    assert len(pieces) == 1 + count / exports.ROWS_AT_ONCE
    assert b"".join(pieces).count(b"\n") == count + 1


def test_under_asgi_the_same_bytes_are_sent(client, done):
    async def collected(answer):
        return [piece async for piece in answer]

    for what in FILES:
        pieces = asyncio.run(collected(get(client, done, what)))
        assert b"".join(pieces) == content(client, done, what)


def test_an_answer_nobody_reads_leaves_no_file_open(client, done):
    """HEAD, or a browser that has gone: an open file would be a ResourceWarning, which fails the test."""
    for what in FILES:
        answer = client.head(f"/api/bots/backtest-runs/{done.pk}/{what}")
        assert answer.status_code == 200
        shut(answer)
        del answer
    gc.collect()


def test_files_do_not_load_the_results_in_the_row(client, done):
    for what, heavies in (
        ("report/", ["error_traceback", "code"]),
        *((what, ["stats", "equity_curve", "simulated_trades_log"]) for what in FILES),
    ):  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            shut(get(client, done, what))
        assert len(captured) <= 5
        loaded = "".join(query["sql"] for query in captured.captured_queries)
        assert not [heavy for heavy in heavies if f'."{heavy}"' in loaded], what
