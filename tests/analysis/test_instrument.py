from dataclasses import replace

import pytest

from analysis.instrument import Instrument

EURUSD = Instrument("EURUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 100, 0.01)
INDEX = Instrument("US500", 2, 0.01, 0.25, 0.25, 1, 0.1, 100, 0.1)


@pytest.mark.parametrize(
    ("digits", "point", "pip"),
    [(5, 1e-5, 1e-4), (3, 1e-3, 1e-2), (4, 1e-4, 1e-4), (2, 1e-2, 1e-2), (1, 0.1, 0.1), (0, 1.0, 1.0)],
)
def test_a_pip_is_ten_points_where_the_broker_quotes_fractions_of_it(digits, point, pip):
    assert replace(EURUSD, digits=digits, point=point, tick_size=point).pip_size == pip


def test_a_pip_of_a_lot_is_worth_its_ticks():
    assert EURUSD.pip_value == pytest.approx(10.0)
    assert INDEX.pip_value == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("price", "rounded"),
    [(1.084134, 1.08413), (1.084136, 1.08414), (1.08413, 1.08413), (1.1 + 2.2e-16, 1.1), (0.1 + 0.2, 0.3)],
)
def test_a_price_is_rounded_to_the_nearest_tick_without_noise(price, rounded):
    assert EURUSD.round_price(price) == rounded


@pytest.mark.parametrize(("price", "rounded"), [(5000.1, 5000.0), (5000.13, 5000.25), (5000.125, 5000.25)])
def test_a_tick_may_be_more_than_a_point(price, rounded):
    assert INDEX.round_price(price) == rounded


@pytest.mark.parametrize("ticks", [1, 7, 108_413, 12_345_678])
def test_ticks_come_back_from_their_price(ticks):
    assert EURUSD.to_ticks(EURUSD.from_ticks(ticks)) == ticks
    assert INDEX.to_ticks(INDEX.from_ticks(ticks)) == ticks


@pytest.mark.parametrize(
    ("lots", "rounded"),
    [(0.019, 0.01), (0.3, 0.3), (0.1 + 0.2, 0.3), (0.29999999999999, 0.3), (0.2999, 0.29), (0.0, 0.0), (0.009, 0.0)],
)
def test_lots_are_rounded_down_and_a_hair_below_a_step_is_the_step(lots, rounded):
    assert EURUSD.round_volume(lots) == rounded


@pytest.mark.parametrize(
    "wrong",
    [
        {"tick_size": 0.0}, {"tick_value": -1.0}, {"point": float("nan")}, {"volume_step": float("inf")},
        {"volume_min": 0.0}, {"volume_max": 0.001}, {"contract_size": 0}, {"digits": -1}, {"spread_points": -1},
    ],
)  # fmt: skip
def test_numbers_no_instrument_has_are_rejected(wrong):
    with pytest.raises(ValueError, match="EURUSD"):
        replace(EURUSD, **wrong)
