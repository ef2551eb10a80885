"""Who is measured, how each fills, and who is measured turn by turn with whom."""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.agreement import COMMON, FillModel
from benchmarks.environments import interpreter

BACKTRADER = FillModel(entry_bar_live=False)
VECTORBT = FillModel(entry_bar_live=False, beside_entry=True)
NAUTILUS = FillModel(entry_bar_live=False, enter_at_close=True, by_path=True, at_trigger=True)


@dataclass(frozen=True)
class Engine:
    """A program of `benchmarks.peers.protocol`. Without `environment` it runs on the project's own interpreter.

    `group` are engines that take turns; `longest_years` is the longest span on which it finishes in minutes.
    """

    key: str
    label: str
    module: str
    group: str
    arguments: tuple[str, ...] = ()
    environment: str = ""
    fills: FillModel = COMMON
    longest_years: int = 10

    def command(self, environments: Path, candles: Path, trades: Path) -> list[str]:
        """How it is started. Raises NotInstalled."""
        python = interpreter(self.environment, environments) if self.environment else sys.executable
        return [str(python), "-m", self.module, str(candles), str(trades), *self.arguments]


def _ours(tier: str, group: str) -> Engine:
    return Engine(f"ours-{tier}", f"ours, {_TIERS[tier]}", "benchmarks.ours", group, (f"ema_cross_{tier}",))


_TIERS = {"tick": "run_tick", "mask": "entry_mask", "signals": "entry_signals"}
FLOOR, BACKTESTING, RUST = "floor", "backtesting", "vectorbt-rust"

ENGINES = (
    _ours("signals", "arrays"),
    Engine(FLOOR, "numba floor", "benchmarks.peers.numba_floor", "arrays", environment="numba_floor"),
    Engine(RUST, "vectorbt, rust", "benchmarks.peers.vectorbt_peer", "arrays", ("rust",), "vectorbt", VECTORBT),
    Engine(
        "vectorbt-numba", "vectorbt, numba", "benchmarks.peers.vectorbt_peer", "arrays", ("numba",), "vectorbt",
        VECTORBT,
    ),
    _ours("tick", "bars"),
    _ours("mask", "bars"),
    Engine(BACKTESTING, "backtesting.py", "benchmarks.peers.backtesting_py", "bars", (), "backtesting"),
    Engine(
        "backtrader", "backtrader", "benchmarks.peers.backtrader_peer", "slow", (), "backtrader", BACKTRADER, 1
    ),
    Engine("nautilus", "nautilus_trader", "benchmarks.peers.nautilus_peer", "slow", (), "nautilus", NAUTILUS, 1),
)  # fmt: skip


def chosen(only: str, years: int) -> list[Engine]:
    """Those whose key starts with one of the comma-separated words (all without words) and that can do `years`."""
    words = tuple(word.strip() for word in only.split(",") if word.strip())
    unknown = [word for word in words if not any(engine.key.startswith(word) for engine in ENGINES)]
    if unknown:
        raise SystemExit(f"--only: nothing is called {unknown[0]}; there is {', '.join(e.key for e in ENGINES)}")
    return [e for e in ENGINES if (not words or e.key.startswith(words)) and years <= e.longest_years]
