"""Prices that leap out of their surroundings: bad ticks, or moments that deserve a look."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.candle_store.reading import Columns
from analysis.candles import MINUTE_MS

# Multiples of the usual move of a minute (1.4826 times the median absolute return of the hours around it).
_JUMP = 20.0
_REVERSAL = 10.0
_WICK = 20.0
_BACK = 0.25  # a reversal ends within this share of the move of where it began
_BLOCK = 120  # minutes per median
_LONGEST_PAUSE_MS = 5 * MINUTE_MS  # across a longer one, a jump is a gap and no spike


@dataclass(frozen=True)
class Spikes:
    """Rows that leap, by kind, and how many times the usual move each does.

    `reversal`: a close far away from both neighbours, which agree with each other. `jump`: a close that
    stays away. `wick`: a high or low far beyond open and close.
    """

    rows: NDArray[np.int64]
    kind: NDArray[np.str_]
    times_usual: NDArray[np.float64]


def find_spikes(values: Columns) -> Spikes:
    """Spikes of a series, ascending by time; a row counts once."""
    close = values["close"]
    if len(close) < 3:
        return Spikes(np.empty(0, np.int64), np.empty(0, np.str_), np.empty(0))
    returns = np.diff(np.log(close), prepend=np.log(close[0]))
    returns[np.diff(values["time"], prepend=values["time"][0]) > _LONGEST_PAUSE_MS] = 0.0
    usual = _usual_move(np.abs(returns), close)
    size = np.abs(returns) / usual
    following = np.append(returns[1:], 0.0)
    reversal = (size > _REVERSAL) & (np.abs(returns + following) < _BACK * np.abs(returns))
    returning = np.concatenate([[False], reversal[:-1]])  # the way back is part of the same spike
    jump = (size > _JUMP) & ~reversal & ~returning
    wick_size = _wick(values) / close / usual
    wick = (wick_size > _WICK) & ~reversal & ~jump
    rows = np.flatnonzero(reversal | jump | wick)
    kind = np.select([reversal[rows], jump[rows]], ["reversal", "jump"], "wick")
    return Spikes(rows, kind, np.where(wick[rows], wick_size[rows], size[rows]))


def _usual_move(moves: NDArray[np.float64], close: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per row, from the liveliest of its block of two hours and the two beside it.

    Not below half of the series' typical block, nor below two price steps: in a quiet hour one tick is no
    spike.
    """
    blocks = -(-len(moves) // _BLOCK)
    padded = np.full(blocks * _BLOCK, np.nan)
    padded[: len(moves)] = moves
    medians = 1.4826 * np.nanmedian(padded.reshape(blocks, _BLOCK), axis=1)
    around = np.maximum(np.maximum(medians, np.roll(medians, 1)), np.roll(medians, -1))
    steps = np.abs(np.diff(close))
    step = steps[steps > 0].min() if (steps > 0).any() else 0.0
    floor = np.maximum(0.5 * np.median(medians), 2 * step / close)
    usual: NDArray[np.float64] = np.maximum(np.repeat(around, _BLOCK)[: len(moves)], floor)
    return np.where(usual > 0, usual, np.inf)


def _wick(values: Columns) -> NDArray[np.float64]:
    above = values["high"] - np.maximum(values["open"], values["close"])
    below = np.minimum(values["open"], values["close"]) - values["low"]
    wick: NDArray[np.float64] = np.maximum(above, below)
    return wick
