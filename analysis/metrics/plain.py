"""Numbers as JSON holds them: Python's own, finite, None where a figure has no value."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

CENTS = 2
_ROUNDING = 1e-12


def ratio(value: float, by: float, times: float = 1.0) -> float | None:
    """`value` / `by` * `times`; None unless `by` is above zero."""
    return float(value) / float(by) * times if by > 0 else None


def mean(values: NDArray[Any]) -> float | None:
    """The arithmetic mean; None of nothing."""
    return float(values.mean()) if len(values) else None


def deviation(values: NDArray[np.float64]) -> float:
    """The standard deviation of a sample (n - 1); 0 for fewer than two values and where only rounding differs."""
    if len(values) < 2:
        return 0.0
    spread = float(values.std(ddof=1))
    return spread if spread > _ROUNDING * abs(float(values.mean())) else 0.0


def money(value: float) -> float:
    """Account currency to the cent."""
    return round(float(value), CENTS)


def iso(time_ms: int | None) -> str | None:
    """Epoch milliseconds as ISO 8601 in UTC."""
    if time_ms is None:
        return None
    return datetime.fromtimestamp(int(time_ms) / 1000, UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """The same value without numpy's types and without NaN and infinity, all the way down."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
