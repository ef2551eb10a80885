"""The shape of a strategy class, and a base for those that want to write `run_tick` only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from analysis.instrument import Instrument
from analysis.strategy.actions import EntryType, Side

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Position:
    """An open trade as its strategy sees it. `entry_time` is epoch milliseconds UTC."""

    id: int
    side: Side
    lots: float
    entry_time: int
    entry_price: float
    sl: float | None
    tp: float | None
    tag: str
    mark: Callable[["Position"], float] = field(repr=False, compare=False)

    @property
    def unrealized(self) -> float:
        """Account currency that closing it at the last close would bring, before the costs of leaving."""
        return self.mark(self)


@dataclass(frozen=True)
class PendingOrder:
    """A limit or stop entry that waits, or an entry on its way, as its strategy sees it. `expiry` is epoch
    milliseconds UTC."""

    id: int
    side: Side
    entry_type: EntryType
    lots: float
    price: float | None
    sl: float | None
    tp: float | None
    expiry: int | None
    tag: str


class TickStrategy(Protocol):
    """What the engine calls.

    A class that declares `positions` (and `orders`) as a tuple also gets its open trades and waiting orders there.
    One that defines `entry_mask(df) -> bool array` is only asked on those bars, and on every bar while a trade is
    open if it sets `manages_positions`; one that defines `entry_signals(df) -> DataFrame` is not asked at all.
    """

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        """Rows that `run_tick` needs; the window has exactly so many."""

    def _ensure_indicators(self, df_input: "pd.DataFrame") -> "pd.DataFrame":
        """The same rows with indicator columns added; called once with the whole series."""

    def run_tick(self, df_current_window: "pd.DataFrame", account_equity: float) -> list[dict[str, Any]]:
        """The actions to take now that the window's last bar has closed."""


class Book(Protocol):
    """Where a strategy looks its open trades and waiting orders up."""

    def positions(self) -> tuple[Position, ...]: ...

    def orders(self) -> tuple[PendingOrder, ...]: ...


class BaseStrategy:
    """Everything of the contract but `run_tick`.

    `params` is a dict of all parameters.
    """

    DEFAULT_PARAMS: ClassVar[Mapping[str, Any]] = {}
    PARAMS_SCHEMA: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    MIN_BARS: ClassVar[int] = 1

    _book: "Book | None" = None
    _positions: tuple[Position, ...] = ()
    _orders: tuple[PendingOrder, ...] = ()

    def __init__(
        self,
        params: Mapping[str, Any],
        risk_settings: Mapping[str, Any],
        instrument_symbol: str,
        account_id: str,
        instrument_spec: Instrument,
        pip_value: float,
    ) -> None:
        self.params = dict(params)
        self.risk_settings = dict(risk_settings)
        self.instrument_symbol = instrument_symbol
        self.account_id = account_id
        self.instrument_spec = instrument_spec
        self.pip_value = pip_value

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        """`MIN_BARS` and a buffer; override it where a parameter decides."""
        return self.MIN_BARS + buffer_bars

    def _ensure_indicators(self, df_input: "pd.DataFrame") -> "pd.DataFrame":
        return df_input

    def run_tick(self, df_current_window: "pd.DataFrame", account_equity: float) -> list[dict[str, Any]]:
        raise NotImplementedError(f"{type(self).__name__} must define run_tick")

    @property
    def positions(self) -> tuple[Position, ...]:
        """The open trades in order of entry."""
        return self._positions if self._book is None else self._book.positions()

    @positions.setter
    def positions(self, positions: tuple[Position, ...]) -> None:
        self._positions = positions

    @property
    def orders(self) -> tuple[PendingOrder, ...]:
        """The entries that wait in the market or are on their way."""
        return self._orders if self._book is None else self._book.orders()

    @orders.setter
    def orders(self, orders: tuple[PendingOrder, ...]) -> None:
        self._orders = orders

    def trade_in(self, book: "Book") -> None:
        """From now on ask `book` what is open, instead of being told."""
        self._book = book
