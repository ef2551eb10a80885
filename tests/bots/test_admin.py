"""The admin of bots and runs: fast lists, results nobody can edit, honest actions."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, User
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun, LiveRunEvent
from tests.bots.test_presentation import curve, trade
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

HEAVY = ("equity_curve", "simulated_trades_log", "refusals", "error_traceback", "code", "params", "risk_json")


@pytest.fixture
def boss(client) -> User:
    user = UserFactory(username="boss", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def page(row_or_model, name: str = "changelist") -> str:
    meta = row_or_model._meta
    args = [] if isinstance(row_or_model, type) else [row_or_model.pk]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def queries_of(client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in queries]


def completed(**changes: object) -> BacktestRun:
    result = {
        "status": "COMPLETED",
        "stats": {"net_pnl": 1234.5, "total_trades": 25, "win_rate": 40.0},
        "equity_curve": curve(10_000.0, 11_234.5),
        "simulated_trades_log": [trade(n, exit_reason=f"reason{n:02}") for n in range(1, 26)],
        "warnings": ["Mind the <gap>"],
        "refusals": [{"time": "2025-01-06T10:00:00Z", "outcome": "refused", "code": "c", "reason": "too <small>"}],
    }
    return BacktestRunFactory(**result | changes)


def messages(response) -> list[str]:
    return [f"{message.level_tag}: {message}" for message in response.context["messages"]]


FACTORIES = [BotFactory, BotVersionFactory, BacktestConfigFactory, completed, LiveRunFactory]
MODELS = [Bot, BotVersion, BacktestConfig, BacktestRun, LiveRun]


@pytest.mark.parametrize(("model", "make"), list(zip(MODELS, FACTORIES, strict=True)))
def test_a_list_of_25_takes_as_many_queries_as_one_of_5_and_no_heavy_column(client, boss, model, make):
    for _ in range(5):
        make()
    queries_of(client, page(model))  # warms caches
    few = queries_of(client, page(model))
    for _ in range(20):
        make()
    many = queries_of(client, page(model))
    assert len(many) == len(few)
    assert not [sql for sql in many for column in HEAVY if f'"{column}"' in sql]
    assert not any(re.search(r'"stats"(?! #?->)(?!,? ?\))', sql.partition(" FROM ")[0]) for sql in many), many


def test_searching_filtering_and_ordering_a_list_keeps_it_light(client, boss):
    for _ in range(3):
        completed()
    for query in ("?q=EURUSD", "?status__exact=COMPLETED", "?o=5.-6.4.2.1", "?created_at__year=2026", "?_facets=True"):
        few = queries_of(client, page(BacktestRun) + query)
        assert not [sql for sql in few for column in HEAVY if f'"{column}"' in sql], query


@pytest.mark.parametrize("model", MODELS)
def test_every_search_field_can_be_searched(client, boss, model):
    row = dict(zip(MODELS, FACTORIES, strict=True))[model]()
    found = client.get(page(model), {"q": str(row.pk)}).context["cl"].queryset
    assert list(found) == [row]
    assert client.get(page(model), {"q": "no such thing"}).context["cl"].result_count == 0


def test_a_list_shows_profit_trades_and_how_far_a_run_is(client, boss):
    completed()
    BacktestRunFactory(status="RUNNING", bars_done=43, bars_total=100)
    body = client.get(page(BacktestRun)).content.decode()
    assert ">1,234.50<" in body
    assert ">25<" in body
    assert ">RUNNING 43%<" in body


def test_the_page_of_a_run_shows_its_results(client, boss):
    run = completed()
    body = client.get(page(run, "change")).content.decode()
    assert "<svg" in body
    assert "11,234.50" in body
    assert re.search(r"Win rate</th><td>40\.00 %", body)
    assert "reason20" in body
    assert "reason21" not in body
    assert "Mind the &lt;gap&gt;" in body
    assert "too &lt;small&gt;" in body
    for related in (run.config, run.config.bot_version, run.config.bot_version.bot, run.created_by):
        assert f'href="{page(related, "change")}"' in body


def test_the_page_of_a_run_leaves_the_full_list_of_refusals_in_the_database(client, boss):
    run = completed()
    queries = queries_of(client, page(run, "change"))
    selected = [sql.partition(" FROM ")[0] for sql in queries]
    assert not [sql for sql in selected if re.search(r'(?<!\()"bots_backtestrun"\."refusals"', sql)]


def test_the_page_of_a_run_leads_to_its_report(client, boss):
    run = completed()
    address = f"/api/bots/backtest-runs/{run.pk}/report/"
    assert f'href="{address}"' in client.get(page(run, "change")).content.decode()
    assert client.get(address)["Content-Type"] == "text/html; charset=utf-8"


def test_the_page_of_a_failed_run_shows_why_and_no_empty_result(client, boss):
    run = BacktestRunFactory(
        status="FAILED", error_code="strategy_error", error="boom", error_traceback="Traceback <module>"
    )
    body = client.get(page(run, "change")).content.decode()
    assert "strategy_error" in body
    assert "Traceback &lt;module&gt;" in body
    assert 'class="equity' not in body
    assert "Result" not in re.findall(r'class="fieldset-heading">([^<]*)<', body)


def test_the_source_of_a_version_is_shown_as_text(client, boss):
    version = BotVersionFactory(code='print("</pre><script>alert(1)</script>")', params={"b": 1, "a": [2]})
    body = client.get(page(version, "change")).content.decode()
    assert "<script>alert" not in body
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)" in body
    assert "&quot;a&quot;: [\n    2\n  ],\n  &quot;b&quot;: 1" in body


def test_our_parts_of_the_pages_have_no_inline_style_or_script():
    from bots.admin.pages import preformatted, rendered
    from bots.presentation import figure_groups, sparkline, trade_rows

    parts = [
        preformatted("x = 1"),
        rendered("equity", sparkline=sparkline(curve(1.0, 2.0))),
        rendered("figures", groups=figure_groups({"net_pnl": 1.0})),
        rendered("trades", trades=trade_rows([trade()])),
        rendered("refusals", refusals=[{"time": "2025-01-06T10:00:00Z", "outcome": "refused", "reason": "r"}]),
    ]
    for part in parts:
        assert "<" in part
        assert not re.search(r"style=|<script|<style|\son\w+=", part)


@pytest.mark.parametrize(
    ("make", "leads_to"),
    [
        (lambda run: run.config.bot_version.bot, [BotVersion, BacktestConfig, BacktestRun]),
        (lambda run: run.config.bot_version, [BacktestConfig]),
        (lambda run: run.config, [BacktestRun]),
    ],
)
def test_a_page_leads_to_the_lists_of_what_belongs_to_it(client, boss, make, leads_to):
    run, other = completed(), completed()
    body = client.get(page(make(run), "change")).content.decode()
    for model in leads_to:
        (url,) = re.findall(rf'href="({re.escape(page(model))}\?[^"]+)"', body)
        rows = client.get(url.replace("&amp;", "&")).context["cl"].queryset
        assert rows.count() == 1, url
        assert not rows.filter(pk=other.pk).exists()


def test_a_bot_leads_to_its_live_runs_and_a_live_run_back(client, boss):
    run = LiveRunFactory()
    LiveRunFactory()
    body = client.get(page(run.bot_version.bot, "change")).content.decode()
    (url,) = re.findall(rf'href="({re.escape(page(LiveRun))}\?[^"]+)"', body)
    assert list(client.get(url).context["cl"].queryset) == [run]
    back = client.get(page(run, "change")).content.decode()
    for related in (run.bot_version, run.bot_version.bot, run.account):
        assert f'href="{page(related, "change")}"' in back


@pytest.mark.parametrize("make", [completed, LiveRunFactory], ids=["backtest", "live"])
def test_a_run_can_be_neither_added_nor_changed_nor_deleted(client, boss, make):
    run = make()
    before = type(run).objects.values().get()
    assert client.get(page(type(run), "add")).status_code == 403
    assert client.post(page(run, "change"), {"status": "PENDING"}).status_code == 403
    assert client.post(page(run, "delete"), {"post": "yes"}).status_code == 403
    delete = {"action": "delete_selected", "_selected_action": [run.pk], "post": "yes"}
    client.post(page(type(run)), delete)
    assert type(run).objects.values().get() == before
    body = client.get(page(run, "change")).content.decode()
    assert 'name="_save"' not in body


def test_a_version_can_be_neither_added_nor_changed(client, boss):
    version = BotVersionFactory(code="a = 1")
    assert client.get(page(BotVersion, "add")).status_code == 403
    assert client.post(page(version, "change"), {"code": "b = 2"}).status_code == 403
    version.refresh_from_db()
    assert version.code == "a = 1"


@pytest.mark.parametrize("pick", ["config", "bot_version", "bot"])
def test_what_has_results_is_not_deleted_and_the_page_says_why(client, boss, pick):
    config = completed().config
    row = {"config": config, "bot_version": config.bot_version, "bot": config.bot_version.bot}[pick]
    body = client.get(page(row, "change")).content.decode()
    assert "deletelink" not in body
    assert "cannot be deleted" in body
    assert client.get(page(row, "delete")).status_code == 403
    assert client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    client.post(page(type(row)), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("pick", ["bot_version", "bot", "account"])
def test_what_ran_live_is_not_deleted(client, boss, pick):
    run = LiveRunFactory()
    row = run.bot_version.bot if pick == "bot" else getattr(run, pick)
    assert client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()


def test_a_bot_without_results_is_deleted_with_its_versions(client, boss):
    bot = BacktestConfigFactory().bot_version.bot
    completed()
    assert "deletelink" in client.get(page(bot, "change")).content.decode()
    assert client.post(page(bot, "delete"), {"post": "yes"}).status_code == 302
    assert not Bot.objects.filter(pk=bot.pk).exists()
    assert not BotVersion.objects.filter(bot_id=bot.pk).exists()


def test_a_new_bot_belongs_to_whoever_adds_it_and_has_a_version(client, boss):
    account = AccountFactory(user=boss)
    data = {"name": "Gold", "strategy_template": "ema_crossover_v1.py", "account": account.pk, "is_active": "on"}
    response = client.post(page(Bot, "add"), data)
    assert response.status_code == 302, response.context["errors"]
    bot = Bot.objects.get()
    assert (bot.name, bot.created_by, bot.account) == ("Gold", boss, account)
    assert "class " in bot.versions.get().code


def test_a_bot_of_an_unknown_template_is_refused(client, boss):
    response = client.post(page(Bot, "add"), {"name": "Gold", "strategy_template": "../settings.py"})
    assert response.status_code == 200
    assert "strategy_template" in response.context["adminform"].form.errors
    assert not Bot.objects.exists()


def test_a_bot_keeps_its_template_and_owner(client, boss):
    bot = BotFactory()
    data = {"name": "New", "strategy_template": "other.py", "created_by": boss.pk, "account": ""}
    assert client.post(page(bot, "change"), data).status_code == 302
    changed = Bot.objects.get()
    assert (changed.name, changed.account, changed.is_active) == ("New", None, False)
    assert (changed.strategy_template, changed.created_by) == (bot.strategy_template, bot.created_by)
    assert changed.versions.count() == 0


def config_form(config: BacktestConfig, **changes: object) -> dict[str, object]:
    return {
        "label": config.label, "timeframe": config.timeframe, "initial_equity": config.initial_equity,
        "spread_points": "", "commission_per_lot": 0, "slippage_ms": 0, "slippage_r": 0, "intrabar": config.intrabar,
        "warmup_bars": 500, "leverage": "", "stop_out_level": 50, "rollover_time": "17:00",
        "rollover_timezone": "America/New_York",
    } | changes  # fmt: skip


def test_a_config_is_editable_until_a_run_was_made_with_it(client, boss):
    config = BacktestConfigFactory()
    assert client.post(page(config, "change"), config_form(config, label="Wide", slippage_ms=250)).status_code == 302
    config.refresh_from_db()
    assert (config.label, config.slippage_ms) == ("Wide", 250)
    BacktestRunFactory(config=config)
    assert client.post(page(config, "change"), config_form(config, slippage_ms=0)).status_code == 403
    config.refresh_from_db()
    assert config.slippage_ms == 250
    assert 'name="_save"' not in client.get(page(config, "change")).content.decode()


def test_a_run_launched_while_the_form_was_open_wins(client, boss, monkeypatch):
    config = BacktestConfigFactory(label="Old")
    site_admin = admin.site.get_model_admin(BacktestConfig)
    monkeypatch.setattr(type(site_admin), "has_change_permission", lambda *args, **kwargs: True)
    BacktestRunFactory(config=config)
    response = client.post(page(config, "change"), config_form(config, label="New"), follow=True)
    assert messages(response) == [
        "error: This config has backtest runs and cannot be changed; create a new config",
    ]
    config.refresh_from_db()
    assert config.label == "Old"


def test_cancelling_selected_runs_says_what_happened_to_each(client, boss):
    pending, running, cancelling = (BacktestRunFactory() for _ in range(3))
    done, cancelled = completed(), BacktestRunFactory(status="CANCELLED")
    for run in (running, cancelling):
        assert BacktestRun.objects.claim(run.pk, worker="w")
    BacktestRun.objects.filter(pk=cancelling.pk).transition("CANCELLING")
    runs = (pending, running, cancelling, done, cancelled)
    data = {"action": "cancel_selected", "_selected_action": [run.pk for run in runs]}
    response = client.post(page(BacktestRun), data, follow=True)

    def said(run: BacktestRun) -> str:
        (line,) = [line for line in messages(response) if str(run.pk)[:8] in line]
        return line

    assert said(pending).startswith("success: EURUSD 2025-01-06..2025-01-08")
    assert said(pending).endswith("Cancelled")
    assert said(running).endswith("Its worker has been asked to stop")
    assert said(cancelling) == f"info: {cancelling} ({str(cancelling.pk)[:8]}): Its worker had been asked before"
    assert said(done).startswith("warning: ")
    assert said(done).endswith("The run is already COMPLETED")
    assert said(cancelled).endswith("It was cancelled before")
    statuses = [BacktestRun.objects.get(pk=run.pk).status for run in runs]
    assert statuses == ["CANCELLED", "CANCELLING", "CANCELLING", "COMPLETED", "CANCELLED"]


def test_cancelling_is_written_to_the_history_of_the_run(client, boss):
    run, done = BacktestRunFactory(), completed()
    client.post(page(BacktestRun), {"action": "cancel_selected", "_selected_action": [run.pk, done.pk]})
    assert "Cancel: Cancelled" in client.get(page(run, "history")).content.decode()
    assert "Cancel:" not in client.get(page(done, "history")).content.decode()


def test_stopping_selected_live_runs_says_what_happened_to_each(client, boss):
    pending, running, stopping = (LiveRunFactory() for _ in range(3))
    stopped, broken = LiveRunFactory(status="STOPPED"), LiveRunFactory(status="ERROR")
    for run in (running, stopping):
        assert LiveRun.objects.claim(run.pk, worker="w")
    LiveRun.objects.filter(pk=stopping.pk).transition("STOPPING")
    runs = (pending, running, stopping, stopped, broken)
    data = {"action": "stop_selected", "_selected_action": [run.pk for run in runs]}
    response = client.post(page(LiveRun), data, follow=True)
    expected = {
        pending: "success: EURUSD ({}): Stopped",
        running: "success: EURUSD ({}): Its worker has been asked to stop",
        stopping: "info: EURUSD ({}): Its worker had been asked before",
        stopped: "info: EURUSD ({}): It had stopped before",
        broken: "warning: EURUSD ({}): The run has already ended in ERROR",
    }
    assert set(messages(response)) == {text.format(str(run.pk)[:8]) for run, text in expected.items()}
    statuses = [LiveRun.objects.get(pk=run.pk).status for run in runs]
    assert statuses == ["STOPPED", "STOPPING", "STOPPING", "STOPPED", "ERROR"]
    event = running.events.get()
    assert (event.kind, event.actor, event.message) == ("stopping", boss, "Stopped in the admin")


def test_what_happened_to_a_live_run_is_listed_and_cannot_be_edited(client, boss):
    run = LiveRunFactory()
    for number in range(5):
        LiveRunEvent.objects.create(run=run, kind="claimed", actor=boss, message=f"Attempt {number} <b>")
    client.get(page(run, "change"))
    few = queries_of(client, page(run, "change"))
    for number in range(5, 25):
        LiveRunEvent.objects.create(run=run, kind="claimed", actor=UserFactory(), message=f"Attempt {number}")
    assert len(queries_of(client, page(run, "change"))) == len(few)
    body = client.get(page(run, "change")).content.decode()
    assert "Attempt 24" in body
    assert "Attempt 0 &lt;b&gt;" in body
    assert not re.search(r'<(input|select|textarea)[^>]*name="events-\d+-(at|kind|actor|message)"', body)


def staff_with(client, *permissions: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


@pytest.mark.parametrize(
    ("make", "action", "name"),
    [(BacktestRunFactory, "cancel_selected", "backtestrun"), (LiveRunFactory, "stop_selected", "liverun")],
)
def test_acting_on_runs_takes_the_permission_to_change_them(client, make, action, name):
    run = make()
    data = {"action": action, "_selected_action": [run.pk]}
    staff_with(client, f"view_{name}")
    assert f'value="{action}"' not in client.get(page(type(run))).content.decode()
    client.post(page(type(run)), data)
    run.refresh_from_db()
    assert run.status == "PENDING"
    staff_with(client, f"change_{name}")
    assert f'value="{action}"' in client.get(page(type(run))).content.decode()
    client.post(page(type(run)), data)
    run.refresh_from_db()
    assert run.status in {"CANCELLED", "STOPPED"}


@pytest.mark.parametrize("model", [*MODELS, Account, User])
def test_rows_are_not_deleted_by_the_dozen(client, boss, model):
    completed()
    LiveRunFactory()
    assert 'value="delete_selected"' not in client.get(page(model)).content.decode()


def test_the_admin_is_for_staff(client):
    client.force_login(UserFactory())
    for model in MODELS:
        assert client.get(page(model)).status_code == 302


def test_every_model_of_ours_has_a_page_and_a_list(client, boss):
    InstrumentSpecificationFactory()
    LiveRunFactory()
    completed()
    ours = [m for m in admin.site._registry if m._meta.app_label in {"accounts", "trading", "bots"}]
    assert {model.__name__ for model in ours} == {
        "Account", "BacktestConfig", "BacktestRun", "Bot", "BotVersion", "InstrumentSpecification", "LiveRun", "User",
    }  # fmt: skip
    for model in ours:
        assert client.get(page(model)).status_code == 200
        assert client.get(page(model.objects.first(), "change")).status_code == 200


def test_an_instrument_keeps_its_symbol_and_can_be_corrected(client, boss):
    instrument = InstrumentSpecificationFactory()
    names = (
        "digits", "tick_size", "tick_value", "spread_points", "contract_size", "min_volume", "max_volume",
        "volume_step", "base_currency", "quote_currency", "margin_currency", "swap_mode", "swap_long", "swap_short",
        "swap_triple_day", "margin_rate",
    )  # fmt: skip
    data = {name: getattr(instrument, name) for name in names} | {"symbol": "GBPUSD", "spread_points": 7}
    assert client.post(page(instrument, "change"), data).status_code == 302
    instrument.refresh_from_db()
    assert (instrument.symbol, instrument.spread_points) == ("EURUSD", 7)
    assert type(instrument).objects.count() == 1
    refused = client.post(page(instrument, "change"), data | {"tick_size": 0})
    assert refused.status_code == 200
    assert "instrument_sizes_positive" in str(refused.context["adminform"].form.errors)
    refused = client.post(page(instrument, "change"), data | {"digits": 16})
    assert set(refused.context["adminform"].form.errors) == {"digits"}


def test_runs_are_filtered_by_any_of_their_symbols_and_show_what_they_were_made_of(client, boss):
    one = completed()
    two = BacktestRunFactory(instrument_symbol="GBPUSD", instrument_symbols=["GBPUSD", "EURUSD", "USDJPY"])
    listed = client.get(page(BacktestRun)).content.decode()
    assert "GBPUSD, EURUSD +1" in listed
    assert all(f"?symbol={symbol}" in listed for symbol in two.instrument_symbols)
    for symbol, found in (("EURUSD", {one.pk, two.pk}), ("USDJPY", {two.pk})):
        rows = client.get(page(BacktestRun), {"symbol": symbol}).context["cl"].result_list
        assert {row.pk for row in rows} == found
    BacktestRun.objects.filter(pk=two.pk).update(settings_snapshot={"timeframe": "H4"})
    body = client.get(page(two, "change")).content.decode()
    assert "GBPUSD, EURUSD, USDJPY" in body
    assert "H4" in body


def test_a_list_of_instruments_takes_as_many_queries_however_long(client, boss):
    for number in range(5):
        InstrumentSpecificationFactory(symbol=f"SYM{number}")
    url = reverse("admin:trading_instrumentspecification_changelist")
    client.get(url)
    few = len(queries_of(client, url))
    for number in range(5, 25):
        InstrumentSpecificationFactory(symbol=f"SYM{number}")
    assert len(queries_of(client, url)) == few


def test_a_run_whose_worker_is_gone_can_be_cancelled_too(client, boss):
    run = BacktestRunFactory()
    assert BacktestRun.objects.claim(run.pk, worker="gone")
    BacktestRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(hours=1))
    client.post(page(BacktestRun), {"action": "cancel_selected", "_selected_action": [run.pk]})
    run.refresh_from_db()
    assert run.status == "CANCELLING"  # `recover_runs` ends it
