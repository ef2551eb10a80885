"""Where candles lie and what a file of them looks like."""

import os
import re
from pathlib import Path

import pyarrow as pa

from analysis.errors import CorruptCandles

SCHEMA = pa.schema(
    [
        pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("open", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("close", pa.float64(), nullable=False),
        pa.field("tick_volume", pa.int64(), nullable=False),  # 0: not recorded
        pa.field("spread", pa.int32()),  # points; null: not recorded
    ]
)
VALUE_COLUMNS = tuple(SCHEMA.names[1:])

_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#-]{0,28}")
_PARTITION = re.compile(r"year=(\d{4})\.parquet")


def default_data_root() -> Path:
    """`MARKET_DATA_ROOT` of the environment, else `var/data` below the working directory.

    For notebooks and scripts; the platform always passes its own.
    """
    return Path(os.environ.get("MARKET_DATA_ROOT") or Path("var") / "data")


def is_symbol(name: str) -> bool:
    """Whether `name` may be a symbol, and with it a folder: no separators, no leading dot, at most 29
    characters."""
    return _SYMBOL.fullmatch(name) is not None


def symbols_dir(data_root: Path) -> Path:
    """The folder of all M1 datasets."""
    return data_root / "m1"


def symbol_dir(data_root: Path, symbol: str) -> Path:
    """The folder of one dataset. Raises ValueError for a name that is not a symbol."""
    if not is_symbol(symbol):
        raise ValueError(f"{symbol!r} is not a symbol")
    return symbols_dir(data_root) / f"symbol={symbol}"


def partition_path(folder: Path, year: int) -> Path:
    """The file of one year (UTC)."""
    return folder / f"year={year:04d}.parquet"


def partitions(folder: Path) -> dict[int, Path]:
    """The files of a dataset by year, ascending; empty when there are none."""
    if not folder.is_dir():
        return {}
    named = ((_PARTITION.fullmatch(path.name), path) for path in folder.iterdir())
    return dict(sorted((int(match[1]), path) for match, path in named if match))


def quality_path(folder: Path) -> Path:
    """The stored quality report of a dataset."""
    return folder / "quality.json"


def require_schema(schema: pa.Schema, path: Path) -> None:
    """Raise CorruptCandles unless a file has exactly the columns and types of a candle file."""
    wanted = {field.name: field.type for field in SCHEMA}
    found = {field.name: field.type for field in schema}
    if found != wanted:
        odd = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        told = ", ".join(f"{name}: {found.get(name)} instead of {wanted.get(name)}" for name in odd)
        raise CorruptCandles(f"{path}: wrong schema: {told}")
