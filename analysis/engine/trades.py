"""The trades of a run as columns: ten thousand of them are a few arrays, not ten thousand objects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trade:
    """A trade, or the closed part of one, from entry to exit. Times are epoch milliseconds UTC, money is
    account currency.

    `id` counts entries from 1; a trade closed in parts has one row a part, numbered by `part` from 1, and a
    trade closed at once has part 0. `initial_risk` is the money between entry and the first SL, None without
    one; R figures are None then. `pnl` is after `commission` (entry and exit, a cost, never negative) and
    `swap` (negative when paid). `pnl_pessimistic` <= `pnl` <= `pnl_optimistic` are what the trade would have
    made had the intrabar rule always decided against or for it; they differ from `pnl` only where it decided.
    `mae_r` <= 0 <= `mfe_r` are the furthest the closing side of the market went against and for the trade.
    `bars_held` counts bars of the run's timeframe.
    """

    id: int
    part: int
    symbol: str
    side: str
    lots: float
    entry_time: int
    entry_price: float
    exit_time: int
    exit_price: float
    sl: float | None
    tp: float | None
    initial_risk: float | None
    pnl: float
    pnl_r: float | None
    pnl_pessimistic: float
    pnl_optimistic: float
    commission: float
    swap: float
    mae_r: float | None
    mfe_r: float | None
    bars_held: int
    exit_reason: str
    intrabar_decided: bool
    tag: str


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Trade))
_WHOLE = frozenset({"id", "part", "entry_time", "exit_time", "bars_held"})
_TEXT = frozenset({"symbol", "side", "exit_reason", "tag"})
_OPTIONAL = frozenset({"sl", "tp", "initial_risk", "pnl_r", "mae_r", "mfe_r"})


class Trades(Sequence[Trade]):
    """Trades in order of entry, read by column (`trades.pnl`) or one by one.

    Columns are numpy arrays of equal length: int64 for counts and times, float64 for prices and money (NaN
    where a `Trade` has None), bool, and object arrays of str. Raises ValueError for missing columns or
    different lengths.
    """

    id: NDArray[np.int64]
    part: NDArray[np.int64]
    symbol: NDArray[np.object_]
    side: NDArray[np.object_]
    lots: NDArray[np.float64]
    entry_time: NDArray[np.int64]
    entry_price: NDArray[np.float64]
    exit_time: NDArray[np.int64]
    exit_price: NDArray[np.float64]
    sl: NDArray[np.float64]
    tp: NDArray[np.float64]
    initial_risk: NDArray[np.float64]
    pnl: NDArray[np.float64]
    pnl_r: NDArray[np.float64]
    pnl_pessimistic: NDArray[np.float64]
    pnl_optimistic: NDArray[np.float64]
    commission: NDArray[np.float64]
    swap: NDArray[np.float64]
    mae_r: NDArray[np.float64]
    mfe_r: NDArray[np.float64]
    bars_held: NDArray[np.int64]
    exit_reason: NDArray[np.object_]
    intrabar_decided: NDArray[np.bool_]
    tag: NDArray[np.object_]

    def __init__(self, columns: Mapping[str, Any]) -> None:
        if set(columns) != set(COLUMNS):
            raise ValueError(f"trades need exactly the columns {', '.join(COLUMNS)}")
        for name in COLUMNS:
            setattr(self, name, np.asarray(columns[name], dtype=_dtype(name)))
        if len({len(getattr(self, name)) for name in COLUMNS}) > 1:
            raise ValueError("trades need columns of equal length")

    @classmethod
    def of(cls, trades: Sequence[Trade]) -> "Trades":
        """From single trades."""
        return cls({name: [getattr(trade, name) for trade in trades] for name in COLUMNS})

    def __len__(self) -> int:
        return len(self.id)

    @overload
    def __getitem__(self, index: int) -> Trade: ...
    @overload
    def __getitem__(self, index: slice) -> "Trades": ...
    def __getitem__(self, index: int | slice) -> "Trade | Trades":
        if isinstance(index, slice):
            return Trades({name: getattr(self, name)[index] for name in COLUMNS})
        return Trade(**{name: _plain(name, getattr(self, name)[index]) for name in COLUMNS})

    def __iter__(self) -> Iterator[Trade]:
        for row in self.rows():
            yield Trade(**row)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trades):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=name in _OPTIONAL) for name in COLUMNS
        )

    __hash__ = None  # type: ignore[assignment]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dict a trade, plain Python values, None where there is no value: ready for JSON."""
        plain = [_plain_column(name, getattr(self, name)) for name in COLUMNS]
        for values in zip(*plain, strict=True):
            yield dict(zip(COLUMNS, values, strict=True))


def _dtype(name: str) -> Any:
    if name in _WHOLE:
        return np.int64
    if name in _TEXT:
        return object
    return np.bool_ if name == "intrabar_decided" else np.float64


def _plain(name: str, value: Any) -> Any:
    if name in _TEXT:
        return str(value)
    if name in _OPTIONAL and np.isnan(value):
        return None
    return value.item()


def _plain_column(name: str, column: NDArray[Any]) -> list[Any]:
    values: list[Any] = column.tolist()
    if name in _OPTIONAL:
        return [None if value != value else value for value in values]  # NaN is unlike itself
    return values
