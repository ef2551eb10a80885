"""Fewer points of a series without losing what the eye looks for."""

import numpy as np
from numpy.typing import NDArray


def keep_extremes(values: NDArray[np.float64], max_points: int) -> NDArray[np.int64]:
    """Positions (ascending) of at most `max_points` values that keep the first, the last and every bucket's extremes.

    The series is cut into equal buckets; of each the lowest and the highest value are kept, so the global minimum and
    maximum always are. `max_points` must be at least 4.
    """
    count = len(values)
    if max_points < 4:
        raise ValueError("max_points must be at least 4")
    if count <= max_points:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, (max_points - 2) // 2 + 1).astype(np.int64)
    kept = {0, count - 1}
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        bucket = values[start:stop]
        kept.add(int(start + bucket.argmin()))
        kept.add(int(start + bucket.argmax()))
    return np.array(sorted(kept), dtype=np.int64)
