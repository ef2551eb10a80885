"""The arrays the simulation works on. Every field is a whole number unless it says otherwise."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LONG: Final = 1
SHORT: Final = -1
NO_STOP: Final = -(2**62)  # below and above every price
NO_TARGET: Final = 2**62
NEVER: Final = 2**62
KEEP: Final = 2**62 + 1  # a level that an order leaves as it is

# Rows of the market array, one column a candle; candles of several symbols are merged by time.
TIME: Final = 0
OPEN: Final = 1
HIGH: Final = 2
LOW: Final = 3
CLOSE: Final = 4
SPREAD: Final = 5

PESSIMISTIC: Final = 0
OPTIMISTIC: Final = 1
OHLC: Final = 2

# How a trade ended.
STILL_OPEN: Final = 0
SL: Final = 1
TP: Final = 2
SIGNAL: Final = 3
STOP_OUT: Final = 4
END_OF_DATA: Final = 5
EXIT_REASONS: Final = ("", "sl", "tp", "signal", "stop_out", "end_of_data")

# What an order asks for.
MARKET: Final = 0
LIMIT: Final = 1
STOP: Final = 2
CLOSE_POSITION: Final = 3
MOVE_LEVELS: Final = 4
CANCEL: Final = 5

# Why an order came to nothing. The first group is told when it is placed, the second later.
PLACED: Final = 0
WRONG_SIDE_SL: Final = 1
WRONG_SIDE_TP: Final = 2
WRONG_SIDE_PRICE: Final = 3
VOLUME_TOO_SMALL: Final = 4
TOO_MANY_OPEN: Final = 5
NO_MARKET: Final = 6
UNKNOWN_TRADE: Final = 7
NO_MONEY: Final = 8
EXPIRED: Final = 9
UNKNOWN_ORDER: Final = 10
PART_TOO_SMALL: Final = 11

_i8, _f8 = np.int64, np.float64


def _record(**kinds: tuple[str, ...]) -> np.dtype[np.void]:
    """A record of `whole` and `real` fields."""
    fields = [(name, _i8) for name in kinds["whole"]] + [(name, _f8) for name in kinds.get("real", ())]
    return np.dtype(fields, align=True)


# `row` is the first candle that has not gone by. `margin` is money in use, `stop_out` a share of it, `rule` intrabar.
ACCOUNT = _record(
    whole=(
        "balance", "swap", "row", "positions", "orders", "trades", "notices", "last_position", "last_order", "rule",
        "slippage_ms", "max_open", "next_rollover",
    ),
    real=("slippage_r", "margin", "stop_out"),
)  # fmt: skip

# Facts of a symbol, then its last quote, then sums and nearest levels of what is open and waiting (mirrored for
# shorts), kept so that a candle that touches nothing costs nothing. `unit` is money per tick and step.
SYMBOL = _record(
    whole=(
        "steps_min", "steps_max", "triple_day", "swap_is_percent",
        "bid", "spread",
        "long_steps", "long_cost", "short_steps", "short_cost",
        "long_stop", "long_target", "short_stop", "short_target",
        "incoming", "long_limit", "long_trigger", "short_limit", "short_trigger", "expiry",
    ),
    real=(
        "tick_size", "tick_value", "volume_step", "unit", "commission_per_lot", "margin_per_unit", "swap_long",
        "swap_short",
    ),
)  # fmt: skip

# `first_*` are as at entry; `seen_row`, `seen_ms`: how much of that candle it has lived through; `worst`, `best`: the
# extremes of parts of candles; `other_low`, `other_high`: the lowest and highest price at which it would have closed
# had the intrabar rule decided otherwise.
POSITION = _record(
    whole=(
        "id", "symbol", "direction", "steps", "entry", "entry_time", "entry_row", "stop", "target", "first_stop",
        "first_target", "first_steps", "commission", "swap", "parts", "worst", "best", "tag", "seen_row", "seen_ms",
        "decided", "other_low", "other_high",
    ),
)  # fmt: skip

# `row`: the first candle it can meet; `arrival`: epoch ms at which it reaches the market, 0 before that is known;
# `active`: it waits in the market (limit and stop entries); `target_id`: the position, or the order to cancel.
ORDER = _record(
    whole=(
        "id", "kind", "symbol", "direction", "steps", "price", "stop", "target", "expiry", "target_id", "tag", "row",
        "arrival", "active",
    ),
)  # fmt: skip

TRADE = _record(
    whole=(
        "id", "part", "symbol", "direction", "steps", "entry", "entry_time", "entry_row", "exit", "exit_time",
        "exit_row", "stop", "target", "pnl", "pnl_pessimistic", "pnl_optimistic", "commission", "swap", "worst", "best",
        "reason", "decided", "tag",
    ),
)  # fmt: skip

NOTICE = _record(whole=("order", "code", "row"))

# What is asked for before row `row` goes by. `target_id` is the position or order meant. NaN is a value that is not
# given; for MOVE_LEVELS it removes a level and KEEP_LEVEL leaves it.
REQUEST = _record(
    whole=("row", "kind", "symbol", "direction", "target_id", "expiry", "tag"),
    real=("price", "sl", "tp", "lots", "risk_percent", "lots_per_equity"),
)
# A REQUEST in Python: row, kind, symbol, direction, target_id, expiry, tag, price, sl, tp, lots, risk_percent,
# lots_per_equity.
Request = tuple[int, int, int, int, int, int, int, float, float, float, float, float, float]
KEEP_LEVEL: Final = np.inf


class State(NamedTuple):
    """Everything the simulation reads and writes."""

    market: NDArray[np.int64]
    symbol_of_row: NDArray[np.int16]
    rollovers: NDArray[np.int64]  # 2 x n: epoch ms, weekday (0 is Sunday)
    equity: NDArray[np.float64]
    account: NDArray[np.void]
    symbols: NDArray[np.void]
    positions: NDArray[np.void]
    orders: NDArray[np.void]
    trades: NDArray[np.void]
    notices: NDArray[np.void]
