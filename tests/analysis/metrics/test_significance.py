"""Skill or luck."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats as scipy_stats

from analysis.metrics import deflated_sharpe_ratio, probabilistic_sharpe_ratio
from analysis.metrics.significance import mean_p_value, min_track_record_days, sharpe_error, significance_figures

RETURNS = np.random.default_rng(1).gumbel(0.0, 0.01, 250)
RETURNS += 0.0008 - RETURNS.mean()


def test_the_probabilistic_sharpe_ratio_of_the_paper():
    sharpe = RETURNS.mean() / RETURNS.std(ddof=1)
    third, fourth = scipy_stats.skew(RETURNS), scipy_stats.kurtosis(RETURNS, fisher=False)
    error = math.sqrt((1 - third * sharpe + (fourth - 1) / 4 * sharpe**2) / 249)
    assert probabilistic_sharpe_ratio(RETURNS) == pytest.approx(NormalDist().cdf(sharpe / error))
    assert probabilistic_sharpe_ratio(RETURNS, 0.1) == pytest.approx(NormalDist().cdf((sharpe - 0.1) / error))


def test_the_numerical_example_of_the_deflated_sharpe_ratio():
    # Bailey & Lopez de Prado 2014: 2.5 annualised over 1250 days with skew -3 and kurtosis 10, against 0.1132 a day.
    sharpe = 2.5 / math.sqrt(250)
    assert NormalDist().cdf((sharpe - 0.1132) / sharpe_error(sharpe, 1_250, -3.0, 10.0)) == pytest.approx(
        0.9004, abs=2e-4
    )


def test_the_expected_best_of_many_trials_is_the_one_of_the_paper():
    # Bailey & Lopez de Prado 2014, numerical example: V = 0.5 annualised (250 days), 100 trials, SR* = 0.1132 a day.
    # Returns whose own ratio is exactly that bar pass it with a probability of one half.
    returns = RETURNS - RETURNS.mean() + 0.1132 * RETURNS.std(ddof=1)
    assert deflated_sharpe_ratio(returns, 100, 0.5 / 250) == pytest.approx(0.5, abs=2e-3)


def test_with_one_trial_it_is_the_probabilistic_sharpe_ratio():
    assert deflated_sharpe_ratio(RETURNS, 1) == probabilistic_sharpe_ratio(RETURNS)


def test_more_trials_make_a_result_less_credible():
    values = [deflated_sharpe_ratio(RETURNS, trials) for trials in (1, 2, 10, 1_000)]
    assert values == sorted(values, reverse=True)


def test_there_is_no_result_of_no_trial():
    with pytest.raises(ValueError, match="trials"):
        deflated_sharpe_ratio(RETURNS, 0)


def test_the_track_record_that_makes_it_sure_is_long_enough():
    days = min_track_record_days(RETURNS)
    scaled = NormalDist().inv_cdf(probabilistic_sharpe_ratio(RETURNS)) * math.sqrt((days - 1) / 249)
    assert NormalDist().cdf(scaled) == pytest.approx(0.95)
    assert min_track_record_days(-RETURNS) is None


@pytest.mark.parametrize("size", [2, 3, 10, 500, 5_000])
@pytest.mark.parametrize("mean", [0.0, 0.3, 3.0, -1.0])
def test_the_p_value_of_the_mean_is_students(size, mean):
    values = np.random.default_rng(size).normal(mean, 2.0, size)
    assert mean_p_value(values) == pytest.approx(scipy_stats.ttest_1samp(values, 0.0).pvalue, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0]])
def test_what_cannot_be_tested_has_no_value(values):
    figures = significance_figures(np.array(values), np.array(values))
    assert {name for name, value in figures.items() if value is not None} == {"deflated_sharpe_trials"}
