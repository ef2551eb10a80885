"""The pages in the browser: plain HTML that works without JavaScript."""

import uuid
from typing import Any

import redis
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.throttling import LoginThrottle
from bots.models import BacktestRun
from bots.presentation import FIRST, figure_groups, sparkline, trade_rows
from dashboard.selectors import readable_backtests, recent_backtests, recent_live_runs


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, for a visitor; the newest runs, for a user."""
    if not isinstance(request.user, User):
        return render(request, "dashboard/welcome.html")
    return render(
        request,
        "dashboard/home.html",
        {"backtests": recent_backtests(request.user), "live_runs": recent_live_runs(request.user)},
    )


@require_safe
@login_required
def run_page(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """One backtest of the user, reloaded by the browser while it runs; 404 for anybody else's."""
    assert isinstance(request.user, User)  # noqa: S101 (login_required)
    run = get_object_or_404(readable_backtests(request.user), pk=run_id)
    return render(
        request,
        "dashboard/run.html",
        {
            "run": run,
            "took_s": _took_s(run),
            "figure_groups": figure_groups(run.stats),
            "sparkline": sparkline(run.equity_curve),
            "trades": trade_rows(run.simulated_trades_log[:FIRST]),
        },
    )


def _took_s(run: BacktestRun) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


class LoginView(auth.LoginView):
    """Signing in for everybody, as often per minute as over the API; the admin's own page only takes staff."""

    template_name = "dashboard/login.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        throttle = LoginThrottle()
        try:
            allowed = throttle.allow_request(request, self)  # type: ignore[arg-type] # it reads META and user only
        except redis.ConnectionError:
            return self._refused(503, "A server this needs is restarting; try again in a moment.")
        if not allowed:
            return self._refused(429, f"Too many attempts. Try again in {int(throttle.wait() or 0) + 1} seconds.")
        return super().post(request, *args, **kwargs)

    def _refused(self, status: int, refusal: str) -> HttpResponse:
        form = self.form_class(self.request)
        return self.render_to_response(self.get_context_data(form=form, refusal=refusal), status=status)
