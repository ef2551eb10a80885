"""How candles, requests and results look on their way between the platform and a strategy's process."""

import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.engine import BacktestResult, Refusal, Trades
from analysis.engine.trades import COLUMNS as TRADE_COLUMNS

# Candle columns in shared memory, in this order, symbol after symbol; each begins at a multiple of 8 bytes.
COLUMNS: tuple[tuple[str, str], ...] = (
    ("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"),
    ("tick_volume", "<i8"), ("spread", "<i4"),
)  # fmt: skip
_POPULATE = getattr(mmap, "MAP_POPULATE", 0)  # all pages at once, where the system can
MAX_OVERLAYS_BYTES = 32 * 1024 * 1024
MAX_OVERLAYS_DEPTH = 16

REQUESTS: Mapping[str, frozenset[str]] = {
    "limits": frozenset({"memory_bytes", "cpu_s", "open_files"}),
    "check": frozenset({"source", "filename", "params"}),
    "backtest": frozenset({
        "source", "filename", "code_hash", "params", "legs", "settings", "data_fingerprint", "audit",
    }),
}  # fmt: skip
REPLIES: Mapping[str, frozenset[str]] = {
    "checked": frozenset(),
    "progress": frozenset({"done", "total"}),
    "failure": frozenset({"category", "code", "message", "traceback", "bar_time", "line", "problems"}),
    "result": frozenset(field.name for field in fields(BacktestResult)),
}


def lay_out(series: Sequence[Candles], memory: int) -> None:
    """Write the candles into the file `memory`."""
    for candles in series:
        for name, dtype in COLUMNS:
            column = np.ascontiguousarray(getattr(candles, name), dtype=dtype)
            _write_all(memory, column.data.cast("B"))
            _write_all(memory, memoryview(bytes(-column.nbytes % 8)))


def mapped(memory: int, shapes: Sequence[tuple[str, int]]) -> list[Candles]:
    """The candles in the file `memory`, (symbol, bars) each, read-only: nothing is copied. Closes it."""
    mapping = mmap.mmap(memory, 0, flags=mmap.MAP_SHARED | _POPULATE, prot=mmap.PROT_READ)
    os.close(memory)
    whole = np.frombuffer(mapping, np.uint8)
    offset, series = 0, []
    for symbol, bars in shapes:
        columns = {}
        for name, dtype in COLUMNS:
            size = bars * np.dtype(dtype).itemsize
            columns[name] = whole[offset : offset + size].view(dtype)
            offset += size + -size % 8
        series.append(Candles(symbol=symbol, **columns))
    return series


def result_to_wire(result: BacktestResult) -> dict[str, Any]:
    """Plain values and raw little-endian columns."""
    body = {field.name: getattr(result, field.name) for field in fields(BacktestResult)}
    body["equity_time"] = result.equity_time.astype("<i8").tobytes()
    body["equity"] = result.equity.astype("<f8").tobytes()
    body["trades"] = {name: _pack(getattr(result.trades, name)) for name in TRADE_COLUMNS}
    body["refusals"] = [vars(refusal) for refusal in result.refusals]
    body["warnings"] = list(result.warnings)
    body["stats"] = dict(result.stats)
    try:
        body["overlays"] = _overlays_json(result.overlays)
    except ValueError as error:
        body["overlays"] = b"{}"
        body["warnings"].append(f"The chart's overlays were left out: {error}")
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
    body["overlays"] = _overlays(body["overlays"])
    result = BacktestResult(**body)
    _check_money(result)
    return result


def _overlays_json(overlays: Mapping[str, Any]) -> bytes:
    """Raises ValueError for what is not JSON of plain values, or too large."""
    try:
        text = orjson.dumps(overlays)
    except TypeError as error:
        raise ValueError(f"they are not plain values: {error}") from error
    if len(text) > MAX_OVERLAYS_BYTES:
        raise ValueError(f"they are larger than {MAX_OVERLAYS_BYTES // 1024**2} MiB")
    return text


def _overlays(text: bytes) -> dict[str, Any]:
    """What `_overlays_json` wrote; it came from a process that may send anything."""
    if len(text) > MAX_OVERLAYS_BYTES:
        raise ValueError("overlays larger than any")
    overlays = orjson.loads(text)
    if not isinstance(overlays, dict):
        raise TypeError("overlays are an object by symbol")
    _check_depth(overlays)
    return overlays


def _check_depth(parsed: Any) -> None:
    """Walks without recursion. Raises ValueError."""
    level = [parsed]
    for _ in range(MAX_OVERLAYS_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise ValueError(f"overlays nested more than {MAX_OVERLAYS_DEPTH} levels deep")


def _containers(outer: Any) -> list[Any]:
    values = outer.values() if isinstance(outer, dict) else outer
    return [value for value in values if isinstance(value, dict | list)]


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data[: mmap.PAGESIZE * 4096]) :]


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
