import pytest

from analysis.engine.costs import commission_cents, slippage_ticks, spread_ticks, to_cents
from analysis.instrument import Instrument
from tests.analysis.engine.worked import GOLD, candles


@pytest.mark.parametrize(
    ("money", "cents"),
    [(0.0, 0), (12.345, 1235), (-12.345, -1235), (1.005, 101), (-1.005, -101), (0.004, 0), (2.5 * 0.01, 3)],
)
def test_half_a_cent_is_rounded_away_from_zero(money, cents):
    assert to_cents(money) == cents


@pytest.mark.parametrize(("configured", "ticks"), [(None, [12, 0, 30]), (7, [12, 0, 7]), (0, [12, 0, 0])])
def test_spread_is_the_candles_else_the_runs_else_the_instruments(configured, ticks):
    rows = [(1, 1, 1, 1, 12), (1, 1, 1, 1, 0), (1, 1, 1, 1, -1)]
    assert spread_ticks(candles(rows), GOLD, configured).tolist() == ticks


def test_points_become_whole_ticks_where_a_tick_is_more_than_a_point():
    index = Instrument("US500", 2, 0.01, 0.25, 0.25, 1, 0.1, 100, 0.1)
    rows = [(1, 1, 1, 1, points) for points in (0, 12, 13, 50)]
    assert spread_ticks(candles(rows), index, None).tolist() == [0, 0, 1, 2]


def test_commission_is_per_lot_and_side():
    assert commission_cents(0.37, 3.5) == 130  # 1.295


@pytest.mark.parametrize(("risk", "fraction", "ticks"), [(None, 0.5, 0), (100, 0.1, 10), (25, 0.1, 3), (24, 0.1, 2)])
def test_slippage_is_a_fraction_of_the_risk_in_whole_ticks(risk, fraction, ticks):
    assert slippage_ticks(risk, fraction) == ticks
