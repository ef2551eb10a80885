import pytest

from analysis.engine.kernel.ledger import share, to_cents


@pytest.mark.parametrize(
    ("money", "cents"),
    [(0.0, 0), (12.345, 1235), (-12.345, -1235), (1.005, 101), (-1.005, -101), (0.004, 0), (2.5 * 0.01, 3)],
)
def test_half_a_cent_is_rounded_away_from_zero(money, cents):
    assert to_cents(money) == cents


@pytest.mark.parametrize(
    ("amount", "part", "whole", "taken"),
    [(100, 1, 3, 33), (-100, 1, 3, -33), (100, 3, 3, 100), (0, 1, 2, 0), (7, 0, 2, 0)],
)
def test_a_share_never_takes_more_than_there_is(amount, part, whole, taken):
    assert share(amount, part, whole) == taken
