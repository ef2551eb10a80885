"""The bots API as a client uses it."""

import threading

import pytest
from django.conf import settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from bots.models import BacktestRun, Bot
from bots.services import backtests
from tests.factories import (
    AccountFactory,
    BacktestConfigFactory,
    BacktestRunFactory,
    BotFactory,
    BotVersionFactory,
    InstrumentSpecificationFactory,
    LiveRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

TEMPLATE = "ema_crossover_v1.py"
WINDOW = {"data_window_start": "2025-01-06T00:00:00Z", "data_window_end": "2025-01-07T00:00:00Z"}


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def config(user):
    return BacktestConfigFactory(bot_version__bot__created_by=user)


@pytest.fixture
def launchable(config, monkeypatch):
    """A config whose backtests may be launched, and the ids that were sent to the queue."""
    InstrumentSpecificationFactory()
    sent: list[str] = []
    monkeypatch.setattr(backtests, "available_symbols", lambda root: ("EURUSD",))
    monkeypatch.setattr(backtests, "send", lambda task, backtest_run_id: sent.append(backtest_run_id))
    return config, sent


def launch(client, config, key=None, **changes):
    body = {
        "bot_version_id": str(config.bot_version_id), "backtest_config_id": str(config.pk),
        "instrument_symbol": "EURUSD", **WINDOW, **changes,
    }  # fmt: skip
    body = {name: value for name, value in body.items() if value is not None}
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post("/api/bots/backtests/launch/", body, format="json", headers=headers)


def test_a_token_opens_what_its_user_may_see(user):
    user.set_password("a-long-password")
    user.save()
    client = APIClient()
    answer = client.post(
        "/api/auth/login/", {"username": user.username, "password": "a-long-password"}, format="json"
    ).json()
    assert set(answer) == {"token", "expiry"}
    client.credentials(HTTP_AUTHORIZATION=f"Token {answer['token']}")
    assert client.get("/api/auth/me/").json()["username"] == user.username
    assert client.post("/api/auth/logout/").status_code == 204
    assert client.get("/api/auth/me/").status_code == 401


def test_a_wrong_password_is_a_problem_that_does_not_say_which_part_is_wrong(user):
    answers = [
        APIClient().post("/api/auth/login/", {"username": name, "password": "wrong"}, format="json")
        for name in (user.username, "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert answers[0]["Content-Type"] == "application/problem+json"


def test_creating_a_bot_creates_its_default_version(client, user):
    account = AccountFactory(user=user)
    answer = client.post(
        "/api/bots/bots/",
        {"name": "Mine", "strategy_template": TEMPLATE, "account": str(account.pk)},
        format="json",
    )
    assert answer.status_code == 201
    bot = Bot.objects.get(pk=answer.json()["id"])
    assert (bot.created_by, bot.account) == (user, account)
    versions = client.get("/api/bots/versions/", {"bot": str(bot.pk)}).json()
    assert versions["count"] == 1
    assert "code" not in versions["results"][0]
    detail = client.get(f"/api/bots/versions/{versions['results'][0]['id']}/").json()
    assert "class Strategy" in detail["code"]


def test_a_bot_keeps_its_template_and_an_empty_account_is_not_none(client, user):
    bot = BotFactory(created_by=user, account=AccountFactory(user=user))
    path = f"/api/bots/bots/{bot.pk}/"
    for change in ({"strategy_template": "other.py"}, {"account": ""}):
        assert client.patch(path, change, format="json").status_code == 400
    assert client.patch(path, {"name": "New", "account": None}, format="json").status_code == 200
    bot.refresh_from_db()
    assert (bot.name, bot.account, bot.strategy_template) == ("New", None, TEMPLATE)


def test_a_version_is_created_once_and_never_changed(client, user):
    bot = BotFactory(created_by=user)
    source = client.get("/api/bots/strategy-templates/").json()
    assert TEMPLATE in [entry["filename"] for entry in source]
    code = (settings.STRATEGY_TEMPLATE_DIR / TEMPLATE).read_text()
    body = {"bot_id": str(bot.pk), "strategy_file_content": code, "params": {"ema_short_period": 9}, "notes": "n"}
    first = client.post("/api/bots/versions/", body, format="json")
    again = client.post("/api/bots/versions/", body, format="json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    for method in (client.put, client.patch):
        assert method(f"/api/bots/versions/{first.json()['id']}/", body, format="json").status_code == 405


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"strategy_file_content": "x = (\n"}, "strategy_file_content", "never closed"),
        ({"params": {"nope": 1}}, "params.nope", "unknown parameter"),
        ({"params": {"ema_short_period": "nine"}}, "params.ema_short_period", "whole number"),
        ({"params": []}, "params", "object"),
        ({"params": {"a": "\u0000"}}, "params", "null"),
        ({"colour": "blue"}, "colour", "Unknown field"),
    ],
)
def test_a_bad_version_is_refused_with_field_and_rule(client, user, change, field, text):
    code = (settings.STRATEGY_TEMPLATE_DIR / TEMPLATE).read_text()
    body = {"bot_id": str(BotFactory(created_by=user).pk), "strategy_file_content": code, "params": {}, **change}
    answer = client.post("/api/bots/versions/", body, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "code", "errors"}
    errors = {error["field"]: error["message"] for error in problem["errors"]}
    assert text in errors[field]


def test_source_that_does_not_parse_names_its_line(client, user):
    body = {"bot_id": str(BotFactory(created_by=user).pk), "strategy_file_content": "a = 1\nb = (\n", "params": {}}
    assert client.post("/api/bots/versions/", body, format="json").json()["line"] == 2


def test_launching_answers_at_once_with_the_pending_run(client, launchable):
    config, sent = launchable
    answer = launch(client, config)
    assert answer.status_code == 202
    assert answer.json()["status"] == "PENDING"
    assert sent == [answer.json()["id"]]


def test_one_key_is_one_run(client, launchable):
    config, sent = launchable
    first, second = (launch(client, config, key="k") for _ in range(2))
    assert first.json() == second.json()
    assert len(sent) == 1
    mismatch = launch(client, config, key="k", data_window_end="2025-01-08T00:00:00Z")
    assert (mismatch.status_code, mismatch.json()["code"]) == (422, "idempotency_key_reused")
    assert launch(client, config, key="other").json()["id"] != first.json()["id"]


def test_several_symbols_are_one_run_in_the_order_asked_for(client, launchable, monkeypatch):
    config, sent = launchable
    InstrumentSpecificationFactory(symbol="GBPUSD")
    monkeypatch.setattr(backtests, "available_symbols", lambda root: ("EURUSD", "GBPUSD"))
    answer = launch(client, config, instrument_symbol=None, instrument_symbols=["GBPUSD", "EURUSD"])
    assert answer.status_code == 202, answer.content
    assert (answer.json()["instrument_symbol"], answer.json()["instrument_symbols"]) == ("GBPUSD", ["GBPUSD", "EURUSD"])
    run = BacktestRun.objects.get()
    assert (run.instrument_symbol, run.instrument_symbols) == ("GBPUSD", ["GBPUSD", "EURUSD"])
    assert sent == [str(run.pk)]


def test_one_symbol_may_be_asked_for_in_either_spelling(client, launchable):
    config, sent = launchable
    first = launch(client, config, key="k")
    second = launch(client, config, key="k", instrument_symbol=None, instrument_symbols=["EURUSD"])
    assert first.json() == second.json()
    assert first.json()["instrument_symbols"] == ["EURUSD"]
    assert len(sent) == 1


def test_other_symbols_are_another_request(client, launchable, monkeypatch):
    config, _ = launchable
    InstrumentSpecificationFactory(symbol="GBPUSD")
    monkeypatch.setattr(backtests, "available_symbols", lambda root: ("EURUSD", "GBPUSD"))
    answers = [
        launch(client, config, key="k", instrument_symbol=None, instrument_symbols=symbols).status_code
        for symbols in (["EURUSD", "GBPUSD"], ["EURUSD", "GBPUSD"], ["EURUSD"], ["GBPUSD", "EURUSD"])
    ]
    assert answers == [202, 202, 422, 422]


@pytest.mark.parametrize(
    ("symbols", "field"),
    [
        ({"instrument_symbols": []}, "instrument_symbols"),
        ({"instrument_symbols": "EURUSD"}, "instrument_symbols"),
        ({"instrument_symbols": ["EURUSD", "EURUSD"]}, "instrument_symbols"),
        ({"instrument_symbols": ["EURUSD", "NOPE"]}, "instrument_symbols"),
        ({"instrument_symbols": ["EURUSD"] * 21}, "instrument_symbols"),
        ({"instrument_symbols": ["EURUSD", 5]}, "instrument_symbols.1"),
        ({"instrument_symbols": ["EURUSD", ""]}, "instrument_symbols.1"),
        ({"instrument_symbols": None}, "instrument_symbols"),
        ({"instrument_symbol": "EURUSD", "instrument_symbols": ["EURUSD"]}, "instrument_symbol"),
        ({}, "instrument_symbol"),
    ],
)
def test_bad_symbols_are_refused_and_nothing_is_stored(client, launchable, symbols, field):
    config, sent = launchable
    body = {"bot_version_id": str(config.bot_version_id), "backtest_config_id": str(config.pk), **WINDOW, **symbols}
    answer = client.post("/api/bots/backtests/launch/", body, format="json")
    assert answer.status_code == 400, answer.content
    assert {error["field"] for error in answer.json()["errors"]} == {field}
    assert sent == []
    assert not BacktestRun.objects.exists()


def test_runs_are_listed_and_searched_by_any_of_their_symbols(client, config):
    one = BacktestRunFactory(config=config)
    two = BacktestRunFactory(config=config, instrument_symbol="GBPUSD", instrument_symbols=["GBPUSD", "EURUSD"])

    def found(**query: str) -> set[str]:
        return {row["id"] for row in client.get("/api/bots/backtest-runs/", query).json()["results"]}

    assert found(instrument_symbol="EURUSD") == {str(one.pk), str(two.pk)}
    assert found(instrument_symbol="GBPUSD") == {str(two.pk)}
    assert found(instrument_symbol="EUR") == set()
    assert found(search="eurusd") == {str(one.pk), str(two.pk)}
    assert found(search="gbp") == {str(two.pk)}


def test_a_config_has_margin_rollover_and_warm_up(client, config):
    body = {"bot_version": str(config.bot_version_id)}
    plain = client.post("/api/bots/backtest-configs/", body, format="json").json()
    wanted = {
        "leverage": None, "stop_out_level": "50.00", "rollover_time": "17:00",
        "rollover_timezone": "America/New_York", "warmup_bars": 500,
    }  # fmt: skip
    assert {name: plain[name] for name in wanted} == wanted
    wanted = {
        "leverage": "30.00", "stop_out_level": "20.50", "rollover_time": "00:00", "rollover_timezone": "Europe/Athens",
        "warmup_bars": 0,
    }  # fmt: skip
    answer = client.post("/api/bots/backtest-configs/", body | wanted, format="json")
    assert answer.status_code == 201, answer.content
    assert {name: answer.json()[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("leverage", 0), ("leverage", "-1"), ("leverage", "10001"), ("leverage", "0.001"), ("leverage", True),
        ("stop_out_level", "100.01"), ("stop_out_level", -1), ("stop_out_level", None),
        ("rollover_time", "24:00"), ("rollover_time", "7:00"), ("rollover_time", "17:00:00"),
        ("rollover_time", "17:0\n"), ("rollover_time", "١٧:٠٠"), ("rollover_time", ""),
        ("rollover_timezone", "Mars/Olympus"),
        ("rollover_timezone", ""), ("rollover_timezone", "../../etc/passwd"), ("rollover_timezone", "america/new_york"),
        ("rollover_timezone", 5), ("warmup_bars", -1), ("warmup_bars", 100_001), ("warmup_bars", None),
    ],
)  # fmt: skip
def test_a_config_that_means_nothing_is_refused_by_field(client, config, field, value):
    body = {"bot_version": str(config.bot_version_id), field: value}
    answer = client.post("/api/bots/backtest-configs/", body, format="json")
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {field}


def test_two_users_may_use_the_same_key(client, launchable):
    config, sent = launchable
    launch(client, config, key="k")
    other = UserFactory(is_staff=True)
    client.force_login(other)
    launch(client, config, key="k")
    assert len(set(sent)) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instrument_symbol": "NOPE"}, "instrument_symbol"),
        ({"instrument_symbol": "../../etc"}, "instrument_symbol"),
        ({"data_window_end": "2025-01-06T00:00:00Z"}, "data_window_end"),
        ({"data_window_start": "yesterday"}, "data_window_start"),
        ({"bot_version_id": "x"}, "bot_version_id"),
    ],
)
def test_a_bad_launch_is_refused_and_nothing_is_stored(client, launchable, change, field):
    config, sent = launchable
    answer = launch(client, config, **change)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert sent == []
    assert not BacktestRun.objects.exists()


def test_a_config_of_another_version_is_refused(client, launchable, user):
    config, _ = launchable
    other = BotVersionFactory(bot=config.bot_version.bot)
    answer = launch(client, config, bot_version_id=str(other.pk))
    assert answer.status_code == 400
    assert "another version" in answer.json()["detail"]


def test_risk_settings_are_checked(client, config):
    body = {"bot_version": str(config.bot_version_id), "risk_json": {"fixed_lot_size": 0.1, "max_open_positions": 3}}
    made = client.post("/api/bots/backtest-configs/", body, format="json")
    assert (made.status_code, made.json()["risk_json"]) == (201, body["risk_json"])
    bad = [{"max_open_positions": value} for value in (0, -1, 1.5, "3", True, None, 10_001)]
    refused = [({"fixed_lot_size": -1}, "fixed_lot_size"), ({"lots": 1}, "lots")]
    for risk, field in refused + [(risk, "max_open_positions") for risk in bad]:
        answer = client.post("/api/bots/backtest-configs/", body | {"risk_json": risk}, format="json")
        assert [error["field"] for error in answer.json()["errors"]] == [f"risk_json.{field}"]


def test_a_config_with_runs_is_frozen(client, config):
    BacktestRunFactory(config=config)
    path = f"/api/bots/backtest-configs/{config.pk}/"
    assert client.patch(path, {"label": "x"}, format="json").status_code == 409
    assert client.delete(path).status_code == 409


def test_cancelling_a_waiting_run_ends_it_and_a_finished_one_is_a_conflict(client, config):
    path = "/api/bots/backtest-runs/{}/cancel/"
    assert client.post(path.format(BacktestRunFactory(config=config).pk)).json()["status"] == "CANCELLED"
    done = BacktestRunFactory(config=config, status="COMPLETED")
    assert client.post(path.format(done.pk)).status_code == 409


def test_filters_search_and_order(client, config):
    runs = [BacktestRunFactory(config=config, instrument_symbol=s, status="COMPLETED") for s in ("EURUSD", "XAUUSD")]

    def found(**query):
        answer = client.get("/api/bots/backtest-runs/", query)
        assert answer.status_code == 200, answer.json()
        return [row["instrument_symbol"] for row in answer.json()["results"]]

    assert found(instrument_symbol="XAUUSD") == ["XAUUSD"]
    assert found(ordering="instrument_symbol") == ["EURUSD", "XAUUSD"]
    assert found(ordering="-instrument_symbol") == ["XAUUSD", "EURUSD"]
    assert found(search="EUR") == ["EURUSD"]
    assert found(bot=str(config.bot_version.bot_id), ordering="created_at") == ["EURUSD", "XAUUSD"]
    assert found(created_after="2100-01-01T00:00:00Z") == []
    assert found(page_size=1, ordering="instrument_symbol") == ["EURUSD"]
    assert len(runs) == 2


@pytest.mark.parametrize("query", [{"stauts": "FAILED"}, {"status": ""}, {"status": "done"}, {"page_size": "all"}])
def test_a_wrong_filter_is_an_error_and_does_not_list_everything(client, query):
    assert client.get("/api/bots/backtest-runs/", query).status_code == 400


LISTS = {
    "/api/accounts/": lambda user: AccountFactory(user=user),
    "/api/bots/bots/": lambda user: BotFactory(created_by=user),
    "/api/bots/versions/": lambda user: BotVersionFactory(bot__created_by=user),
    "/api/bots/backtest-configs/": lambda user: BacktestConfigFactory(bot_version__bot__created_by=user),
    "/api/bots/backtest-runs/": lambda user: BacktestRunFactory(config__bot_version__bot__created_by=user),
    "/api/bots/live-runs/": lambda user: LiveRunFactory(bot_version__bot__created_by=user),
}
HEAVY = ("equity_curve", "simulated_trades_log", '"stats"', "refusals", "error_traceback", '"bots_botversion"."code",')


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_however_long_and_loads_nothing_heavy(client, user, path):
    from django.db import connection

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    LISTS[path](user)
    few = queries()
    for _ in range(9):
        LISTS[path](user)
    many = queries()
    assert len(many) == len(few) <= 5
    assert not [name for sql in many for name in HEAVY if name in sql]


@pytest.mark.django_db(transaction=True)
def test_the_same_key_from_many_threads_is_one_run(monkeypatch):
    from django.db import connection

    InstrumentSpecificationFactory()
    config = BacktestConfigFactory()
    sent: list[str] = []
    monkeypatch.setattr(backtests, "available_symbols", lambda root: ("EURUSD",))
    monkeypatch.setattr(backtests, "send", lambda task, backtest_run_id: sent.append(backtest_run_id))
    answers = []

    def attempt() -> None:
        client = APIClient()
        client.force_authenticate(config.bot_version.bot.created_by)
        answers.append(launch(client, config, key="k"))
        connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(sent) == 1
