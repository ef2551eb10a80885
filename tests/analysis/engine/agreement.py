"""Whether the engine and the referee say the same, field by field."""

import math
from typing import Any

from analysis.engine import BacktestResult
from tests.analysis.engine.full_referee import Referee


def assert_the_referee_agrees(result: BacktestResult, referee: Referee) -> list[dict[str, Any]]:
    """Every field of every trade, every point of the equity curve, every refusal. Returns the referee's trades."""
    trades, curve, refusals = referee.play()
    assert sorted((r.time, r.outcome, r.code) for r in result.refusals) == refusals
    rows = list(result.trades.rows())
    assert len(rows) == len(trades)
    for mine, other in zip(rows, trades, strict=True):
        assert {name: (mine[name], other[name]) for name in mine if not same(mine[name], other[name])} == {}, other
    assert result.equity_time.tolist() == [time for time, _ in curve]
    for time, mine, (_, other) in zip(result.equity_time.tolist(), result.equity.tolist(), curve, strict=True):
        assert same(mine, other), (time, mine, other)
    return trades


def same(mine: Any, other: Any) -> bool:
    """Equal; numbers to a billionth, far below half a tick and half a cent."""
    if isinstance(mine, float) and isinstance(other, int | float):
        return math.isclose(mine, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(mine == other)
