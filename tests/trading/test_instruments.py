"""The built-in specifications agree with themselves, and loading them never undoes a correction."""

import json
from datetime import timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from analysis.instrument import SWAP_MODES
from tests.factories import InstrumentSpecificationFactory
from trading.models import InstrumentSpecification
from trading.services import DEFAULTS, load_default_instruments

# The rates the descriptions state: what one unit of the quote currency is worth in USD.
IN_USD = {
    "USD": Decimal(1),
    "JPY": 1 / Decimal(150),
    "CHF": 1 / Decimal("0.80"),
    "CAD": 1 / Decimal("1.38"),
    "GBP": Decimal("1.33"),
}
SYMBOLS = [row["pk"] for row in json.loads(DEFAULTS.read_text())]
FOREX = [symbol for symbol in SYMBOLS if len(symbol) == 6 and not symbol.startswith(("X", "B"))]


@pytest.fixture
def instruments(db) -> dict[str, InstrumentSpecification]:
    load_default_instruments()
    return {instrument.symbol: instrument for instrument in InstrumentSpecification.objects.all()}


def test_the_majors_crosses_metals_bitcoin_and_an_index_are_there():
    assert set(SYMBOLS) >= {
        "EURUSD", "GBPUSD", "USDJPY", "USDCHF", "USDCAD", "AUDUSD", "NZDUSD", "EURJPY", "GBPJPY", "EURGBP",
        "XAUUSD", "XAGUSD", "BTCUSD", "US500",
    }  # fmt: skip
    assert len(SYMBOLS) == len(set(SYMBOLS))
    assert len(FOREX) == 10


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_tick_is_worth_its_share_of_the_contract(instruments, symbol):
    spec = instruments[symbol]
    exact = spec.tick_size * spec.contract_size * IN_USD[spec.quote_currency]
    assert spec.tick_value == exact.quantize(Decimal("0.00001"))
    if spec.quote_currency == "USD":
        assert spec.tick_value == spec.tick_size * spec.contract_size


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_prices_and_volumes_fit_their_grids(instruments, symbol):
    spec = instruments[symbol]
    assert spec.tick_size % spec.point == 0
    assert spec.min_volume % spec.volume_step == 0
    assert spec.max_volume % spec.volume_step == 0
    assert spec.spread_points * spec.point % spec.tick_size == 0  # a quote must lie on the grid on both sides
    assert spec.spread_points > 0


@pytest.mark.parametrize("symbol", FOREX)
def test_a_currency_pair_is_named_and_sized_by_convention(instruments, symbol):
    spec = instruments[symbol]
    assert (spec.base_currency, spec.quote_currency) == (symbol[:3], symbol[3:])
    assert spec.margin_currency == spec.base_currency
    assert spec.contract_size == 100_000
    assert spec.digits == (3 if spec.quote_currency == "JPY" else 5)


def test_a_rate_other_than_the_dollar_s_is_stated(instruments):
    for spec in instruments.values():
        assert (spec.quote_currency == "USD") == ("tick value at" not in spec.description), spec.symbol


def test_an_index_moves_in_ticks_of_several_points(instruments):
    index = instruments["US500"]
    assert (index.point, index.tick_size, index.tick_value) == (Decimal("0.01"), Decimal("0.25"), Decimal("0.25"))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_engine_accepts_it(instruments, symbol):
    spec, instrument = instruments[symbol], instruments[symbol].to_instrument()
    assert (instrument.symbol, instrument.digits, instrument.spread_points) == (symbol, spec.digits, spec.spread_points)
    assert instrument.point == pytest.approx(10**-spec.digits, rel=1e-12)
    assert (instrument.tick_size, instrument.tick_value) == (float(spec.tick_size), float(spec.tick_value))
    assert (instrument.volume_min, instrument.volume_max) == (float(spec.min_volume), float(spec.max_volume))
    assert (instrument.currency_base, instrument.currency_profit, instrument.currency_margin) == (
        spec.base_currency, spec.quote_currency, spec.margin_currency,
    )  # fmt: skip


@pytest.mark.parametrize("symbol", ["XAUUSD", "EURUSD", "GBPUSD"])
def test_real_candles_have_the_stated_digits(instruments, sample_data, symbol):
    closes = pq.read_table(sample_data / "m1" / f"{symbol}.parquet", columns=["close"])["close"].to_numpy()
    digits = instruments[symbol].digits
    assert abs(closes - closes.round(digits)).max() < 10 ** -(digits + 2)
    assert abs(closes - closes.round(digits - 1)).max() > 10 ** -(digits + 1)  # and not fewer


def test_loading_twice_adds_nothing(db):
    assert load_default_instruments() == len(SYMBOLS)
    assert load_default_instruments() == 0
    assert InstrumentSpecification.objects.count() == len(SYMBOLS)


def test_loading_keeps_what_a_user_corrected_and_adds_what_is_missing(db):
    InstrumentSpecificationFactory(symbol="EURUSD", tick_value=Decimal("0.93"), spread_points=3)
    assert load_default_instruments() == len(SYMBOLS) - 1
    kept = InstrumentSpecification.objects.get(symbol="EURUSD")
    assert (kept.tick_value, kept.spread_points) == (Decimal("0.93"), 3)


def test_a_row_that_appears_while_loading_is_kept(db, monkeypatch):
    load = QuerySet.bulk_create

    def a_moment_late(rows: QuerySet, *args: object, **kwargs: object) -> object:
        InstrumentSpecificationFactory(symbol="EURUSD", tick_value=Decimal("0.93"))
        return load(rows, *args, **kwargs)

    monkeypatch.setattr(QuerySet, "bulk_create", a_moment_late)
    load_default_instruments()
    assert InstrumentSpecification.objects.get(symbol="EURUSD").tick_value == Decimal("0.93")
    assert InstrumentSpecification.objects.count() == len(SYMBOLS)


def test_loading_dates_the_rows_now_whatever_the_file_says(instruments):
    for spec in instruments.values():
        assert timezone.now() - spec.created_at < timedelta(minutes=1)
        assert timezone.now() - spec.last_updated < timedelta(minutes=1)


def test_loaddata_puts_every_default_back(db):
    InstrumentSpecificationFactory(symbol="EURUSD", tick_value=Decimal("0.93"))
    call_command("loaddata", "instruments", verbosity=0)
    assert InstrumentSpecification.objects.get(symbol="EURUSD").tick_value == 1


VIOLATIONS = {
    "instrument_sizes_positive": [{"tick_size": 0}, {"tick_value": 0}, {"contract_size": 0}, {"tick_value": -1}],
    "instrument_volumes_ordered": [
        {"min_volume": 0},
        {"volume_step": 0},
        {"min_volume": Decimal("0.02"), "max_volume": Decimal("0.01")},
    ],
    "instrument_digits_in_a_double": [{"digits": 16}],
    "instrument_swap_mode_known": [{"swap_mode": "pips"}, {"swap_mode": ""}],
    "instrument_triple_day_of_a_week": [{"swap_triple_day": 7}],
    "instrument_margin_not_negative": [{"margin_rate": Decimal("-0.1")}],
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [(constraint, fields) for constraint, cases in VIOLATIONS.items() for fields in cases],
)
def test_the_database_refuses(constraint, fields):
    with pytest.raises(IntegrityError, match=constraint):
        InstrumentSpecificationFactory(**fields)


def test_every_constraint_is_tried_above():
    ours = {constraint.name for constraint in InstrumentSpecification._meta.constraints}
    assert ours == set(VIOLATIONS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("digits", 16), ("swap_mode", "pips"), ("swap_triple_day", 7), ("margin_rate", Decimal("-1")),
        ("swap_long", Decimal("NaN")), ("swap_short", Decimal("1e20")),
    ],
)  # fmt: skip
def test_the_model_refuses_what_no_engine_takes(db, field, value):
    with pytest.raises(ValidationError) as problem:
        InstrumentSpecificationFactory.build(**{field: value}).full_clean()
    assert set(problem.value.message_dict) == {field}


def test_swap_and_margin_reach_the_engine(db):
    spec = InstrumentSpecificationFactory(
        swap_mode="percent", swap_long=Decimal("-4.25"), swap_short=Decimal("1.5"), swap_triple_day=5,
        margin_rate=Decimal("0.25"),
    )  # fmt: skip
    instrument = spec.to_instrument()
    assert (instrument.swap_mode, instrument.swap_long, instrument.swap_short) == ("percent", -4.25, 1.5)
    assert (instrument.swap_triple_day, instrument.margin_rate) == (5, 0.25)


def test_what_every_mode_and_day_is_called_the_engine_knows():
    assert tuple(InstrumentSpecification.SwapMode.values) == SWAP_MODES
    assert InstrumentSpecification.Weekday.values == list(range(7))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_built_in_instrument_has_no_swap_and_full_margin(instruments, symbol):
    instrument = instruments[symbol].to_instrument()
    assert (instrument.swap_long, instrument.swap_short, instrument.margin_rate) == (0, 0, 1)


def test_a_point_is_the_last_digit():
    assert InstrumentSpecification(digits=5).point == Decimal("0.00001")
    assert InstrumentSpecification(digits=0).point == 1
    assert InstrumentSpecification(digits=2).point == Decimal("0.01")
