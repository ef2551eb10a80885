"""When swap is booked."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analysis.engine.result import BacktestSettings
from analysis.instrument import Instrument


def rollovers(
    times: NDArray[np.int64], instruments: Sequence[Instrument], settings: BacktestSettings
) -> NDArray[np.int64]:
    """Rollovers after the first of `times` (epoch milliseconds) up to the last: 2 x n, epoch milliseconds and weekday
    (0 is Sunday). Monday to Friday, at `rollover_time` of `rollover_timezone`; none without an instrument with swap."""
    if len(times) == 0 or not any(i.swap_long or i.swap_short for i in instruments):
        return np.zeros((2, 0), np.int64)
    zone = ZoneInfo(settings.rollover_timezone)
    at = time.fromisoformat(settings.rollover_time)
    first, last = (datetime.fromtimestamp(int(t) / 1000, UTC).astimezone(zone).date() for t in (times[0], times[-1]))
    found = []
    for days in range((last - first).days + 1):
        day = first + timedelta(days=days)
        moment = round(datetime.combine(day, at, zone).timestamp() * 1000)
        if day.isoweekday() <= 5 and times[0] < moment <= times[-1]:
            found.append((moment, day.isoweekday()))
    return np.array(found, np.int64).reshape(-1, 2).T.copy()
