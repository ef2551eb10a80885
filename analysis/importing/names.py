"""The symbol a file's name speaks of."""

import re
from pathlib import Path

from analysis.candle_store.layout import is_symbol

_HISTDATA = re.compile(r"DAT_(?:ASCII|MT|NT)_([A-Z0-9]+)_M1_\d{4,6}", re.IGNORECASE)
# XAUUSD_M1_mt5_export, EURUSDM1, EURUSD_M1_202001020000_202012312359, EURUSD_Candlestick_1_M_BID_01.01.2020
_TIMEFRAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9.#-]*?)[ _-]?(?:M1(?![0-9A-Za-z])|Candlestick_1_M).*")
_PLAIN = re.compile(r"[A-Z0-9]{3,12}(?:[.#-][A-Za-z0-9]{1,8})?")


def symbol_from_name(path: Path) -> str | None:
    """The symbol when the name says it plainly (`XAUUSD.parquet`, `XAUUSD_M1_export.csv`), else None."""
    stem = path.stem
    if (match := _HISTDATA.fullmatch(stem)) is not None:
        return match[1].upper() if is_symbol(match[1]) else None
    if (match := _TIMEFRAME.fullmatch(stem)) is not None:
        return match[1] if is_symbol(match[1]) else None
    return stem if _PLAIN.fullmatch(stem) and not stem.isdigit() else None
