"""Historical M1 candles from the Parquet store: loading a window, listing what is there, adding more.

`data_root` is the store's folder. Where it is left out, the environment's `MARKET_DATA_ROOT` counts, else
`var/data` below the working directory.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from analysis.candle_store.catalogue import DatasetInfo, QualitySummary, datasets, symbols
from analysis.candle_store.layout import (
    VALUE_COLUMNS,
    default_data_root,
    is_symbol,
    partitions,
    symbol_dir,
)
from analysis.candle_store.merging import MergeResult, plan_merge
from analysis.candle_store.reading import Columns, open_partition, read_window, row_groups, to_moment, to_ms
from analysis.candle_store.writing import write_partitions, writer_lock
from analysis.candles import Candles
from analysis.errors import ImportRejected, NoCandles

__all__ = [
    "DatasetInfo", "MergeResult", "QualitySummary", "available_symbols", "list_datasets", "load_m1_candles",
    "load_m1_data_from_parquet", "merge_m1",
]  # fmt: skip

_FIRST_MS = 0
_LAST_MS = 253_370_764_800_000  # the start of year 9999


def load_m1_candles(
    symbol: str,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    data_root: Path | None = None,
) -> Candles:
    """Candles whose open time is in [start, end); None leaves that side open. Both must have a time zone.

    Reads only the months (row groups) the window touches. Raises NoCandles, naming what is available, and
    CorruptCandles, naming the file and the broken rule.
    """
    return Candles(symbol=symbol, **_load(symbol, start, end, VALUE_COLUMNS, data_root))


def load_m1_data_from_parquet(
    symbol: str,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    columns: Sequence[str] | None = None,
    data_root: Path | None = None,
) -> pd.DataFrame:
    """The same candles as a frame: UTC index `time`, columns open, high, low, close, tick_volume, spread.

    `spread` is in points, -1 where it was not recorded. `columns` names those to read, in the order wanted.
    Raises NoCandles, CorruptCandles, and ValueError for a column that does not exist.
    """
    wanted = VALUE_COLUMNS if columns is None else tuple(columns)
    unknown = sorted(set(wanted) - set(VALUE_COLUMNS))
    if unknown:
        raise ValueError(f"candles have no column {', '.join(unknown)}; they have {', '.join(VALUE_COLUMNS)}")
    values = _load(symbol, start, end, wanted, data_root)
    index = pd.DatetimeIndex(values["time"].astype("datetime64[ms]"), name="time").tz_localize("UTC")
    return pd.DataFrame({name: values[name] for name in wanted}, index=index)


def available_symbols(data_root: Path | None = None) -> tuple[str, ...]:
    """Symbols with candles in the store, in alphabetical order."""
    return symbols(_root(data_root))


def list_datasets(data_root: Path | None = None) -> list[DatasetInfo]:
    """What is in the store, in alphabetical order. Reads file footers and stored reports, no candles."""
    return datasets(_root(data_root))


def merge_m1(candles: Candles, *, data_root: Path | None = None, overwrite: bool = False) -> MergeResult:
    """Add candles to the store; on a minute that is there with other values the stored one stays unless
    `overwrite`.

    Candles from files go through `analysis.importing`, which cleans them and keeps a quality report. Raises
    ImportRejected for candles that break a rule of the store, CorruptCandles for a damaged store.
    """
    if not is_symbol(candles.symbol):
        raise ImportRejected(f"{candles.symbol!r} is not a symbol")
    folder = symbol_dir(_root(data_root), candles.symbol)
    with writer_lock(folder):
        plan = plan_merge(folder, candles, overwrite=overwrite)
        write_partitions(folder, plan.years)
    return plan.result


def _root(data_root: Path | None) -> Path:
    return default_data_root() if data_root is None else Path(data_root)


def _load(
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    columns: Sequence[str],
    data_root: Path | None,
) -> Columns:
    root = _root(data_root)
    start_ms = _FIRST_MS if start is None else to_ms(start)
    end_ms = _LAST_MS if end is None else to_ms(end)
    # A name that is no symbol never becomes a path.
    values = read_window(symbol_dir(root, symbol), start_ms, end_ms, columns) if is_symbol(symbol) else None
    if values is None or not len(values["time"]):
        raise NoCandles(_nothing(root, symbol, start, end))
    return values


def _nothing(root: Path, symbol: str, start: datetime | None, end: datetime | None) -> str:
    if symbol not in symbols(root):
        known = ", ".join(symbols(root)) or "none"
        return f"There are no candles for {symbol!r}; symbols with candles: {known}"
    window = f"from {_text(start, 'the beginning')} to {_text(end, 'the end')}"
    return f"There are no candles for {symbol} {window}; available are {_span(symbol_dir(root, symbol))}"


def _text(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else moment.isoformat()


def _span(folder: Path) -> str:
    bounds: list[int] = []
    for path in partitions(folder).values():
        with open_partition(path) as file:
            for group in row_groups(file, path):
                bounds += [group.first, group.last]
    if not bounds:
        return "none"
    return f"{to_moment(min(bounds)).isoformat()} to {to_moment(max(bounds)).isoformat()}"
