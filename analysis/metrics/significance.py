"""Whether a result can be told from luck."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import deviation
from analysis.metrics.returns import excess_kurtosis, skew

CONFIDENCE = 0.95
EULER_GAMMA = 0.5772156649015329
_NORMAL = NormalDist()

Floats = NDArray[np.float64]


def significance_figures(returns: Floats, pnl: Floats, trials: int = 1) -> dict[str, Any]:
    """Probabilities from daily returns and from the P&L of trades.

    `trials` is how many variants were tried before this one; `deflated_sharpe_trials` says what was assumed, and with
    1 the deflated Sharpe ratio is the probabilistic one.
    """
    return {
        "probabilistic_sharpe_ratio": probabilistic_sharpe_ratio(returns),
        "deflated_sharpe_ratio": deflated_sharpe_ratio(returns, trials),
        "deflated_sharpe_trials": trials,
        "min_track_record_days": min_track_record_days(returns),
        "mean_pnl_p_value": mean_p_value(pnl),
    }


def probabilistic_sharpe_ratio(returns: Floats, benchmark: float = 0.0) -> float | None:
    """The probability (0 to 1) that the true Sharpe ratio is above `benchmark`, both for one day, not annualised.

    PSR = N((SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)), g3 skew, g4 kurtosis (Bailey & Lopez de
    Prado 2012, The Sharpe Ratio Efficient Frontier).
    """
    sharpe, error = _sharpe_and_error(returns)
    if sharpe is None or not error:
        return None
    return _NORMAL.cdf((sharpe - benchmark) / error)


def deflated_sharpe_ratio(returns: Floats, trials: int, trials_variance: float | None = None) -> float | None:
    """The probabilistic Sharpe ratio against the best Sharpe ratio that `trials` strategies without skill would have
    shown (Bailey & Lopez de Prado 2014, The Deflated Sharpe Ratio).

    SR* = sqrt(V) ((1 - c) Z(1 - 1/N) + c Z(1 - 1/(N e))), c Euler's constant, Z the normal quantile. V is the variance
    of the trials' daily Sharpe ratios; without it, the variance of the estimate. SR* is 0 for one trial. Raises
    ValueError for fewer.
    """
    if trials < 1:
        raise ValueError("trials must be at least 1")
    _, error = _sharpe_and_error(returns)
    if error is None:
        return None
    spread = error if trials_variance is None else math.sqrt(trials_variance)
    return probabilistic_sharpe_ratio(returns, spread * _expected_maximum(trials))


def min_track_record_days(returns: Floats, confidence: float = CONFIDENCE) -> float | None:
    """How many days like these are needed to be `confidence` sure of a Sharpe ratio above 0: 1 + (1 - g3 SR +
    (g4 - 1) / 4 SR^2) (Z / SR)^2 (Bailey & Lopez de Prado 2012). None unless the Sharpe ratio is above 0."""
    sharpe, error = _sharpe_and_error(returns)
    if sharpe is None or error is None or sharpe <= 0:
        return None
    return 1 + error**2 * (len(returns) - 1) * (_NORMAL.inv_cdf(confidence) / sharpe) ** 2


def mean_p_value(values: Floats) -> float | None:
    """How likely a mean at least this far from zero is without any edge: Student's t-test, two-sided."""
    n = len(values)
    spread = deviation(values)
    if spread == 0:
        return None
    t = float(values.mean()) / spread * math.sqrt(n)
    freedom = n - 1
    return _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def sharpe_error(sharpe: float, days: int, third: float, fourth: float) -> float | None:
    """The standard deviation of a daily Sharpe ratio measured over `days` days of returns with skew `third` and
    kurtosis `fourth` (3 is normal): sqrt((1 - g3 SR + (g4 - 1) / 4 SR^2) / (n - 1)) (Mertens 2002)."""
    variance = (1 - third * sharpe + (fourth - 1) / 4 * sharpe**2) / (days - 1)
    return math.sqrt(variance) if variance > 0 else None


def _sharpe_and_error(returns: Floats) -> tuple[float | None, float | None]:
    """Daily Sharpe ratio and the standard deviation of its estimate."""
    third, fourth = skew(returns), excess_kurtosis(returns)
    if third is None or fourth is None:
        return None, None
    sharpe = float(returns.mean()) / deviation(returns)
    return sharpe, sharpe_error(sharpe, len(returns), third, fourth + 3)


def _expected_maximum(trials: int) -> float:
    """Of `trials` standard normal numbers, approximately."""
    if trials == 1:
        return 0.0
    one, other = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return (1 - EULER_GAMMA) * one + EULER_GAMMA * other


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function (Abramowitz & Stegun 26.5.8, by Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    value = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / ((1 + term * d) or tiny), (1 + term / c) or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
