"""The check on every backtest that its strategy did not look into the future: see docs/self-check.md."""

from analysis.self_check.check import Rederivation, check_run
from analysis.self_check.deriving import Decision, fast_outputs, still
from analysis.self_check.planning import reach
from analysis.self_check.sampling import idle_bars

__all__ = ["Decision", "Rederivation", "check_run", "fast_outputs", "idle_bars", "reach", "still"]
