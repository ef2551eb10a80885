"""Tables of trades by what they have in common."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from analysis.metrics.breakdowns import MAX_MONTHS, MAX_ROWS, breakdowns, by_month, by_text
from analysis.metrics.distributions import r_distribution
from tests.analysis.metrics.made import DAY, HOUR, trade, whole


def test_a_row_worked_by_hand():
    made = whole(trade(30, tag="a", pnl_r=1.5), trade(-10, tag="a", pnl_r=-0.5), trade(0, tag="a"), trade(-1, tag="b"))
    assert breakdowns(made)["by_tag"] == [
        {"tag": "a", "trades": 3, "wins": 1, "win_rate": pytest.approx(100 / 3), "pnl": 20.0, "pnl_r": 1.0,
         "profit_factor": 3.0},
        {"tag": "b", "trades": 1, "wins": 0, "win_rate": 0.0, "pnl": -1.0, "pnl_r": None, "profit_factor": 0.0},
    ]  # fmt: skip


def test_hours_and_weekdays_are_of_the_entry_and_months_of_the_exit():
    tables = breakdowns(whole(trade(1, 5 * HOUR, 30 * DAY), trade(2, 6 * DAY + 23 * HOUR, 7 * DAY)))
    assert [(row["hour"], row["pnl"]) for row in tables["by_hour"]] == [(5, 1.0), (23, 2.0)]
    assert [(row["weekday"], row["pnl"]) for row in tables["by_weekday"]] == [("Monday", 1.0), ("Sunday", 2.0)]
    assert [(row["month"], row["pnl"]) for row in tables["by_month"]] == [("2026-01", 2.0), ("2026-02", 1.0)]


def test_texts_come_with_most_trades_first_then_in_order():
    made = whole(*(trade(1, symbol=symbol, exit_reason="sl") for symbol in "CABCB"))
    tables = breakdowns(made)
    assert [row["symbol"] for row in tables["by_symbol"]] == ["B", "C", "A"]
    assert [(row["exit_reason"], row["trades"]) for row in tables["by_exit_reason"]] == [("sl", 5)]


def test_without_trades_every_table_is_empty():
    assert set(map(tuple, breakdowns(whole()).values())) == {()}


def test_what_a_table_has_no_room_for_is_its_last_row():
    rows = by_text(
        "tag", whole(*(trade(i, tag=f"t{i:03}") for i in range(80))).tag, whole(*(trade(i) for i in range(80)))
    )
    assert len(rows) == MAX_ROWS
    assert rows[-1] == {
        "tag": None, "trades": 31, "wins": 31, "win_rate": 100.0, "pnl": float(sum(range(49, 80))), "pnl_r": None,
        "profit_factor": None,
    }  # fmt: skip


def test_of_very_many_months_the_newest_are_kept():
    rows = by_month(whole(*(trade(1, 0, i * 31 * DAY) for i in range(MAX_MONTHS + 40))))
    assert len(rows) == MAX_MONTHS
    assert (rows[-1]["month"], rows[-1]["trades"]) == (None, 41)
    assert sum(row["trades"] for row in rows) == MAX_MONTHS + 40


made_trades = st.lists(
    st.builds(
        lambda cents, entry, held, r, tag, symbol: trade(
            cents / 100, entry * HOUR, (entry + held) * HOUR, pnl_r=r, tag=tag, symbol=symbol
        ),
        st.integers(-10_000, 10_000),
        st.integers(-20_000, 20_000),
        st.integers(0, 100),
        st.none() | st.floats(-20, 20),
        st.text(max_size=2),
        st.sampled_from(["EURUSD", "XAUUSD"]),
    ),
    max_size=80,
)


@given(made_trades)
def test_every_table_adds_up_to_the_totals(made):
    columns = whole(*made)
    for rows in breakdowns(columns).values():
        assert sum(row["trades"] for row in rows) == len(made)
        assert sum(row["wins"] for row in rows) == sum(t.pnl > 0 for t in made)
        assert sum(row["pnl"] for row in rows) == pytest.approx(sum(t.pnl for t in made), abs=0.005)
        assert sum(row["pnl_r"] or 0 for row in rows) == pytest.approx(sum(t.pnl_r or 0 for t in made), abs=1e-9)


@given(made_trades)
def test_bins_hold_every_trade_with_a_stop_and_quantiles_are_in_order(made):
    known = [t.pnl_r for t in made if t.pnl_r is not None]
    found = r_distribution(whole(*made).pnl_r)
    if not known:
        assert found is None
        return
    for row in found["bins"]:
        low, high = row["from"], row["to"]
        inside = [r for r in known if (low is None or r >= low) and (high is None or r < high)]
        assert row["trades"] == len(inside)
    assert sum(row["trades"] for row in found["bins"]) == found["trades"] == len(known)
    quantiles = list(found["quantiles"].values())
    assert quantiles == sorted(quantiles)
    assert found["min"] <= quantiles[0]
    assert quantiles[-1] <= found["max"]


def test_r_multiples_worked_by_hand():
    found = r_distribution(whole(*(trade(1, pnl_r=r) for r in (-1.0, -1.0, 0.5, 12.0))).pnl_r)
    assert (found["mean"], found["quantiles"]["p50"]) == (2.625, -0.25)
    assert found["bins"][0] == {"from": -1.0, "to": -0.5, "trades": 2}
    assert found["bins"][-1] == {"from": 10.0, "to": None, "trades": 1}
