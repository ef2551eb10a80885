"""The pages in the browser: what each visitor sees, and that nothing heavy or foreign is read for it."""

import re
import uuid
from datetime import timedelta
from ipaddress import IPv6Address

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from bots.models import BacktestRun
from tests.bots.test_presentation import curve, trade
from tests.factories import BacktestRunFactory, BotFactory, LiveRunFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def trader(client) -> User:
    user = UserFactory(username="trader")
    client.force_login(user)
    return user


def of(user: User) -> dict[str, object]:
    """Factory arguments that make `user` the owner of a run."""
    return {"config__bot_version__bot__created_by": user, "created_by": user}


def completed(user: User, **changes: object) -> BacktestRun:
    now = timezone.now()
    result = {
        "status": "COMPLETED",
        "stats": {"net_pnl": 1234.5, "total_trades": 1025, "win_rate": 40.0},
        "equity_curve": curve(10_000.0, 11_234.5),
        "simulated_trades_log": [trade(n, exit_reason=f"reason{n:02}") for n in range(1, 26)],
        "warnings": ["Mind the <gap>"],
        "refusals": [{"time": "2025-01-06T10:00:00Z", "outcome": "refused", "code": "c", "reason": "too <small>"}],
        "started_at": now - timedelta(seconds=4.2),
        "finished_at": now,
    }
    return BacktestRunFactory(**of(user) | result | changes)


def body(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def text(html: str) -> str:
    """What is read, without the tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def run_url(run: BacktestRun) -> str:
    return f"/runs/{run.pk}/"


# --- home -------------------------------------------------------------------------------------------------------


def test_a_visitor_reads_what_this_is_and_where_to_go(client):
    page = body(client.get("/"))
    assert "MetaTrader 5" in page
    for url in ("/login/", "/api/docs/", "/admin/"):
        assert f'href="{url}"' in page


def test_a_visitor_costs_no_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/")


def test_a_user_sees_own_runs_only(client, trader):
    mine = completed(trader, instrument_symbol="XAUUSD")
    theirs = completed(UserFactory(), instrument_symbol="GBPUSD")
    live = LiveRunFactory(bot_version__bot__created_by=trader, instrument_symbol="USDJPY")
    foreign = LiveRunFactory(instrument_symbol="EURGBP")
    page = body(client.get("/"))
    assert f'href="{run_url(mine)}"' in page
    assert str(theirs.pk) not in page
    assert "GBPUSD" not in page
    assert f'href="/api/bots/backtest-runs/{mine.pk}/"' in page
    assert f'href="/api/bots/live-runs/{live.pk}/"' in page
    assert str(foreign.pk) not in page
    read = text(page)
    assert "XAUUSD " in read
    assert "2025-01-06 – 2025-01-08 completed 1,234.50 1,025" in read
    assert "USDJPY M1" in read


def test_a_user_without_staff_rights_is_not_sent_to_the_admin(client, trader):
    completed(trader)
    LiveRunFactory(bot_version__bot__created_by=trader)
    assert "/admin/" not in body(client.get("/"))


def test_staff_see_everybody_s_runs_with_their_owners_and_the_admin(client):
    client.force_login(UserFactory(is_staff=True))
    run = completed(UserFactory(username="somebody"))
    live = LiveRunFactory()
    page = body(client.get("/"))
    assert "somebody" in page
    assert f'href="{reverse("admin:bots_backtestrun_change", args=[run.pk])}"' in page
    assert f'href="{reverse("admin:bots_liverun_change", args=[live.pk])}"' in page


def test_a_user_without_runs_is_told_how_to_start_one(client, trader):
    page = body(client.get("/"))
    assert "No backtest yet" in page
    assert "/api/bots/backtests/launch/" in page


def test_the_newest_ten_runs_are_listed_newest_first(client, trader):
    runs = [completed(trader) for _ in range(12)]
    listed = re.findall(r'href="/runs/([0-9a-f-]+)/"', body(client.get("/")))
    assert listed == [str(run.pk) for run in reversed(runs)][:10]


def test_home_takes_as_many_queries_for_ten_runs_as_for_one_and_reads_nothing_heavy(client, trader):
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            body(client.get("/"))
        return [query["sql"] for query in captured]

    completed(trader)
    LiveRunFactory(bot_version__bot__created_by=trader)
    few = queries()
    for _ in range(9):
        completed(trader)
        LiveRunFactory(bot_version__bot__created_by=trader)
    many = queries()
    assert len(many) == len(few) <= 4
    for column in ("equity_curve", "simulated_trades_log", "refusals", "error_traceback", "code", "params"):
        assert not [sql for sql in many if f'"{column}"' in sql], column
    for sql in many:
        bare = re.findall(r'"bots_backtestrun"\."stats"(?! ->>)', sql)
        assert bare == []


def test_home_shows_how_far_a_running_backtest_is(client, trader):
    BacktestRunFactory(**of(trader), status="RUNNING", bars_done=43, bars_total=100)
    assert '<progress max="1" value="0.430">' in body(client.get("/"))


def test_home_can_only_be_read(client):
    assert client.post("/").status_code == 405


# --- a run ------------------------------------------------------------------------------------------------------


def test_the_owner_reads_the_result(client, trader):
    run = completed(trader)
    page = body(client.get(run_url(run)))
    assert 'class="equity gain"' in page
    assert re.search(r"Win rate</th><td>40\.00 %", page)
    assert "Mind the &lt;gap&gt;" in page
    assert "too &lt;small&gt;" in page
    assert "First 20 of 1,025 trades" in page
    assert "reason20" in page
    assert "reason21" not in page
    assert re.search(r"<dd>4\.2 s</dd>", page)
    assert f'href="/api/bots/backtest-runs/{run.pk}/"' in page
    assert "/admin/" not in page
    assert "http-equiv" not in page


def test_a_completed_run_and_no_other_leads_to_its_report(client, trader):
    run = completed(trader)
    address = f"/api/bots/backtest-runs/{run.pk}/report/"
    page = body(client.get(run_url(run)))
    for link in (address, f"{address}?download=1"):
        assert f'href="{link}"' in page
        assert client.get(link)["Content-Type"] == "text/html; charset=utf-8"
    failed = BacktestRunFactory(**of(trader), status="FAILED", error_code="strategy_error", error="boom")
    assert "report/" not in body(client.get(run_url(failed)))


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "CANCELLING"])
def test_the_page_reloads_itself_until_the_run_has_ended(client, trader, status):
    run = BacktestRunFactory(**of(trader), status=status, bars_done=1500, bars_total=6000)
    page = body(client.get(run_url(run)))
    assert '<meta http-equiv="refresh" content="2">' in page
    assert '<progress max="1" value="0.250">' in page
    assert "1,500 of 6,000 bars" in page


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED"])
def test_the_page_of_an_ended_run_stays(client, trader, status):
    run = BacktestRunFactory(**of(trader), status=status)
    page = body(client.get(run_url(run)))
    assert "http-equiv" not in page
    assert "<progress" not in page
    assert f">{status.lower()}<" in page


def test_a_failed_run_says_why(client, trader):
    run = BacktestRunFactory(
        **of(trader), status="FAILED", error_code="strategy_error", error="It <broke>", error_traceback="in <module>"
    )
    page = body(client.get(run_url(run)))
    assert "It failed: strategy_error" in page
    assert "It &lt;broke&gt;" in page
    assert "in &lt;module&gt;" in page


@pytest.mark.parametrize("address", ["theirs", "nobody's", "no id"])
def test_a_foreign_and_an_unknown_run_are_the_same_404(client, trader, address):
    theirs = completed(UserFactory(username="somebody-else"))
    url = {"theirs": run_url(theirs), "nobody's": f"/runs/{uuid.uuid4()}/", "no id": "/runs/7/"}[address]
    response = client.get(url)
    assert response.status_code == 404
    page = response.content.decode()
    assert "There is nothing here" in page
    assert "somebody-else" not in page


def test_staff_may_read_every_run_and_go_to_the_admin(client):
    client.force_login(UserFactory(is_staff=True))
    run = completed(UserFactory())
    assert f'href="{reverse("admin:bots_backtestrun_change", args=[run.pk])}"' in body(client.get(run_url(run)))


def test_a_visitor_signs_in_first_and_comes_back(client):
    run = completed(UserFactory(username="owner", password="a-long-password"))
    response = client.get(run_url(run))
    assert response.status_code == 302
    assert response.url == f"/login/?next={run_url(run)}"
    answer = client.post(response.url, {"username": "owner", "password": "a-long-password", "next": run_url(run)})
    assert (answer.status_code, answer.url) == (302, run_url(run))
    assert client.get(run_url(run)).status_code == 200


def test_a_run_page_takes_one_query_more_than_the_session_and_leaves_refusals_unread(client, trader):
    run = completed(trader)
    with CaptureQueriesContext(connection) as captured:
        body(client.get(run_url(run)))
    (sql,) = [query["sql"] for query in captured if "bots_backtestrun" in query["sql"]]
    assert len(captured) == 3  # session, user, run
    assert not re.search(r'(?<!\()"bots_backtestrun"\."refusals"', sql)
    for column in ("code", "params"):
        assert f'"{column}"' not in sql


@pytest.mark.parametrize("path", ["/", "/login/", "run", "/nowhere/"])
def test_pages_need_no_script_and_no_inline_style(client, trader, path):
    page = client.get(run_url(completed(trader)) if path == "run" else path).content.decode()
    assert "</html>" in page
    assert not re.search(r"<script|<style|style=|\son\w+=|javascript:", page)
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)


def test_every_static_file_a_page_names_is_there(client):
    for url in set(re.findall(r'"(/static/[^"]+)"', body(client.get("/")))):
        response = client.get(url)
        assert response.status_code == 200, url
        response.close()


# --- signing in and out -----------------------------------------------------------------------------------------


def test_somebody_without_staff_rights_can_sign_in_and_out(client):
    UserFactory(username="plain", password="a-long-password")
    answer = client.post("/login/", {"username": "plain", "password": "a-long-password"})
    assert (answer.status_code, answer.url) == (302, "/")
    assert "Your runs" in body(client.get("/"))
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/"
    assert "Sign in" in body(client.get("/"))


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(client):
    UserFactory(username="plain")
    for name in ("plain", "nobody"):
        page = body(client.post("/login/", {"username": name, "password": "wrong"}))
        assert "do not match" in page


def test_signing_in_never_leads_to_another_site(client):
    UserFactory(username="plain", password="a-long-password")
    data = {"username": "plain", "password": "a-long-password", "next": "https://example.org/"}
    assert client.post("/login/", data).url == "/"


def test_guessing_passwords_is_slowed_down(client, monkeypatch):
    monkeypatch.setattr("accounts.throttling.LoginThrottle.rate", "2/min", raising=False)
    address = str(IPv6Address(uuid.uuid4().int))  # one that no earlier test run has used up
    UserFactory(username="plain", password="a-long-password")
    for _ in range(2):
        answer = client.post("/login/", {"username": "plain", "password": "wrong"}, REMOTE_ADDR=address)
        assert answer.status_code == 200
    refused = client.post("/login/", {"username": "plain", "password": "a-long-password"}, REMOTE_ADDR=address)
    assert refused.status_code == 429
    assert "Too many attempts" in refused.content.decode()
    assert "_auth_user_id" not in client.session


def test_signing_in_while_redis_restarts_says_so(client, monkeypatch):
    import redis

    def away(*args: object, **kwargs: object) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr("accounts.throttling.LoginThrottle.allow_request", away)
    response = client.post("/login/", {"username": "plain", "password": "x"})
    assert response.status_code == 503
    assert "restarting" in response.content.decode()


def test_a_form_from_elsewhere_signs_nobody_in():
    from django.test import Client

    UserFactory(username="plain", password="a-long-password")
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "plain", "password": "a-long-password"})
    assert answer.status_code == 403


def test_a_bot_name_is_text_wherever_it_is_shown(client, trader):
    bot = BotFactory(name="<img src=x>", created_by=trader)
    run = BacktestRunFactory(config__bot_version__bot=bot)
    LiveRunFactory(bot_version__bot=bot)
    for url in ("/", run_url(run)):
        page = body(client.get(url))
        assert "<img src=x>" not in page
        assert "&lt;img src=x&gt;" in page
