"""How candles, requests and results look on their way between the platform and a strategy's process."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.engine import BacktestResult, Refusal, Trades
from analysis.engine.trades import COLUMNS as TRADE_COLUMNS

# Candle columns in shared memory, in this order.
COLUMNS: tuple[tuple[str, str], ...] = (
    ("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"),
    ("tick_volume", "<i8"), ("spread", "<i4"),
)  # fmt: skip

REQUESTS: Mapping[str, frozenset[str]] = {
    "limits": frozenset({"memory_bytes", "cpu_s", "open_files"}),
    "check": frozenset({"source", "filename", "params"}),
    "backtest": frozenset({"source", "filename", "code_hash", "params", "instrument", "settings", "symbol", "bars"}),
}
REPLIES: Mapping[str, frozenset[str]] = {
    "checked": frozenset(),
    "progress": frozenset({"done", "total"}),
    "failure": frozenset({"category", "code", "message", "traceback", "bar_time", "line", "problems"}),
    "result": frozenset(field.name for field in fields(BacktestResult)),
}


def result_to_wire(result: BacktestResult) -> dict[str, Any]:
    """Plain values and raw little-endian columns."""
    body = {field.name: getattr(result, field.name) for field in fields(BacktestResult)}
    body["equity_time"] = result.equity_time.astype("<i8").tobytes()
    body["equity"] = result.equity.astype("<f8").tobytes()
    body["trades"] = {name: _pack(getattr(result.trades, name)) for name in TRADE_COLUMNS}
    body["refusals"] = [asdict(refusal) for refusal in result.refusals]
    body["warnings"] = list(result.warnings)
    body["stats"] = dict(result.stats)
    return body


def result_from_wire(message: Mapping[str, Any]) -> BacktestResult:
    """Rebuild and check what a child sent. Raises ValueError, TypeError or KeyError for anything that is not a result,
    or whose money does not add up."""
    body = {field.name: message[field.name] for field in fields(BacktestResult)}
    body["equity_time"] = np.frombuffer(body["equity_time"], "<i8")
    body["equity"] = np.frombuffer(body["equity"], "<f8")
    body["trades"] = Trades({name: _unpack(column) for name, column in body["trades"].items()})
    body["refusals"] = tuple(Refusal(**refusal) for refusal in body["refusals"])
    body["warnings"] = tuple(str(warning) for warning in body["warnings"])
    result = BacktestResult(**body)
    _check_money(result)
    return result


def _pack(column: NDArray[Any]) -> dict[str, Any]:
    """Numbers as little-endian bytes, text as codes into a short list of different texts."""
    if column.dtype != object:
        return {"type": column.dtype.newbyteorder("<").str, "data": column.tobytes()}
    texts, codes = np.unique(column.astype(str), return_inverse=True)
    return {"type": "text", "data": codes.astype("<u4").tobytes(), "texts": texts.tolist()}


def _unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    if packed["type"] == "text":
        codes = np.frombuffer(packed["data"], "<u4")
        texts = np.array([*map(str, packed["texts"]), ""], dtype=object)[:-1]
        return np.asarray(texts[codes])
    if packed["type"] not in ("<i8", "<f8", "|b1"):
        raise ValueError("a column of a type that trades do not have")
    return np.frombuffer(packed["data"], packed["type"])


def _check_money(result: BacktestResult) -> None:
    if len(result.equity) != len(result.equity_time) or not np.isfinite(result.equity).all():
        raise ValueError("the equity curve is not a series of numbers")
    if not np.isfinite(result.trades.pnl).all():
        raise ValueError("a trade's P&L is not a number")
    initial, final = (Decimal(str(result.stats[name])) for name in ("initial_equity", "final_equity"))
    total = sum(map(Decimal, map(str, result.trades.pnl.tolist())), Decimal(0))
    if abs(initial + total - final) > Decimal("0.005"):
        raise ValueError("initial equity and the trades do not add up to the final equity")
