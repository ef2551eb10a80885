"""What the statistics say against the result, in plain words. What candles, settings and the mere number of trades say
is in analysis/engine/caveats.py."""

from collections.abc import Iterator, Mapping
from typing import Any

MUCH_COST_PCT = 30.0
SURE = 0.95
MUCH_DEEPER = 2.0


def plain_warnings(stats: Mapping[str, Any]) -> list[str]:
    """Warnings about a summary of `summarize`, the gravest first; a figure that is missing warns of nothing."""
    return [
        *_intrabar(stats),
        *_costs(stats),
        *_luck(stats),
        *_few_trades_earn_it(stats),
        *_one_month_earns_it(stats),
        *_deeper_drawdown(stats),
    ]


def _intrabar(stats: Mapping[str, Any]) -> Iterator[str]:
    worst = stats.get("pnl_pessimistic")
    if worst is not None and worst <= 0 < stats.get("net_pnl", 0):
        yield (
            "The profit depends on an assumption: had the stop always been reached before the target within one "
            f"minute, the result would be {worst:,.2f}."
        )


def _costs(stats: Mapping[str, Any]) -> Iterator[str]:
    costs, share, net = stats.get("total_costs"), stats.get("costs_of_gross_profit_pct"), stats.get("net_pnl")
    if costs is None or net is None or costs <= 0:
        return
    if share is not None and share > MUCH_COST_PCT:
        yield f"Commission and swap take {share:.0f} % of the gross profit before costs; the spread comes on top."
    elif costs > abs(net):
        yield f"Commission and swap ({costs:,.2f}) are more than the net result ({net:,.2f}); the spread comes on top."


def _luck(stats: Mapping[str, Any]) -> Iterator[str]:
    sure = stats.get("probabilistic_sharpe_ratio")
    if sure is None or stats.get("net_pnl", 0) <= 0 or sure >= SURE:
        return
    yield (
        "The result cannot be told from zero: the probability that daily returns have a positive mean is "
        f"{sure * 100:.0f} %, less than {SURE * 100:.0f} %."
    )


def _few_trades_earn_it(stats: Mapping[str, Any]) -> Iterator[str]:
    if stats.get("net_pnl", 0) <= 0 or stats.get("total_trades", 0) < 2:
        return
    without_one, without_best = stats.get("pnl_without_best_trade"), stats.get("pnl_without_best_5_pct")
    if without_one is not None and without_one <= 0:
        yield f"One trade makes the profit: without the best of {stats['total_trades']} trades nothing is left."
    elif without_best is not None and without_best <= 0:
        yield "A few trades make the profit: without the best 5 % of the trades nothing is left."


def _one_month_earns_it(stats: Mapping[str, Any]) -> Iterator[str]:
    months = [row for row in stats.get("by_month", ()) if row["month"] is not None]
    if len(months) < 2:
        return
    best = max(months, key=lambda row: float(row["pnl"]))
    total = sum(row["pnl"] for row in stats["by_month"])
    if total > 0 >= total - best["pnl"]:
        yield f"One month makes the profit: without {best['month']} the {len(months) - 1} other months made none."


def _deeper_drawdown(stats: Mapping[str, Any]) -> Iterator[str]:
    simulated = stats.get("monte_carlo")
    if not simulated:
        return
    seen = simulated["seen_drawdown"]
    deep = max(simulated[method]["drawdown"]["p95"] for method in ("bootstrap", "reshuffle"))
    if deep > MUCH_DEEPER * seen:
        yield (
            f"Expect deeper drawdowns: in 5 of 100 simulations with the same trades it is {deep:,.2f} or more, against "
            f"{seen:,.2f} here."
        )
