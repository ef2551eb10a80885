import pytest

from analysis.engine.spread import spread_ticks
from analysis.instrument import Instrument
from tests.analysis.engine.worked import GOLD, candles


@pytest.mark.parametrize(("configured", "ticks"), [(None, [12, 0, 30]), (7, [12, 0, 7]), (0, [12, 0, 0])])
def test_spread_is_the_candles_else_the_runs_else_the_instruments(configured, ticks):
    rows = [(1, 1, 1, 1, 12), (1, 1, 1, 1, 0), (1, 1, 1, 1, -1)]
    assert spread_ticks(candles(rows), GOLD, configured).tolist() == ticks


def test_points_become_whole_ticks_where_a_tick_is_more_than_a_point():
    index = Instrument("US500", 2, 0.01, 0.25, 0.25, 1, 0.1, 100, 0.1)
    rows = [(1, 1, 1, 1, points) for points in (0, 12, 13, 50)]
    assert spread_ticks(candles(rows), index, None).tolist() == [0, 0, 1, 2]
