"""The same daily returns through empyrical and scipy, as independent judges."""

import warnings

import numpy as np
import pytest
from scipy import stats as scipy_stats

from analysis.metrics import daily_returns, drawdown, sharpe_ratio, sortino_ratio
from analysis.metrics.balance import straightness
from analysis.metrics.returns import (
    annual_return_pct,
    conditional_value_at_risk_pct,
    excess_kurtosis,
    omega_ratio,
    skew,
    tail_ratio,
    value_at_risk_pct,
    volatility_pct,
)
from tests.analysis.metrics.made import curve

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical


@pytest.fixture(params=range(5), ids="seed {}".format)
def returns(request):
    random = np.random.default_rng(request.param)
    return random.standard_t(4, 40 + 200 * request.param) * 0.01 + 0.0005


def judge(name, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(empyrical, name)(*arguments)


@pytest.mark.parametrize(
    ("ours", "theirs", "scale"),
    [
        (sharpe_ratio, "sharpe_ratio", 1),
        (sortino_ratio, "sortino_ratio", 1),
        (omega_ratio, "omega_ratio", 1),
        (volatility_pct, "annual_volatility", 100),
        (annual_return_pct, "annual_return", 100),
        (value_at_risk_pct, "value_at_risk", 100),
        (conditional_value_at_risk_pct, "conditional_value_at_risk", 100),
        (tail_ratio, "tail_ratio", 1),
    ],
)
def test_ratios_agree(ours, theirs, scale, returns):
    assert ours(returns) == pytest.approx(judge(theirs, returns) * scale, rel=1e-9)


def test_returns_and_drawdown_of_a_curve_agree(returns):
    times, equity = curve(*(10_000 * np.cumprod(np.concatenate([[1.0], 1 + returns]))))
    assert daily_returns(times, equity) == pytest.approx(returns)
    assert drawdown(equity)[1] == pytest.approx(-100 * judge("max_drawdown", returns))


def test_moments_and_regression_agree_with_scipy(returns):
    assert skew(returns) == pytest.approx(scipy_stats.skew(returns))
    assert excess_kurtosis(returns) == pytest.approx(scipy_stats.kurtosis(returns))
    balance = 100 + np.cumsum(returns)
    line = scipy_stats.linregress(np.arange(len(balance)), balance)
    rest = balance - line.intercept - line.slope * np.arange(len(balance))
    figures = straightness(balance)
    assert figures["lr_correlation"] == pytest.approx(line.rvalue)
    assert figures["lr_standard_error"] == pytest.approx(np.sqrt((rest**2).sum() / (len(balance) - 2)))
