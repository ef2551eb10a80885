"""Strategies written for backtrader, on the platform's market: see docs/backtrader.md."""

from analysis.backtrader_engine.run import Feed, run_backtrader

__all__ = ["Feed", "run_backtrader"]
