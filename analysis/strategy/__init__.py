"""The contract between the platform and a strategy: see docs/strategy-guide.md."""

from analysis.errors import FieldProblem, ParamsInvalid, StrategyError
from analysis.instrument import Instrument
from analysis.strategy.actions import (
    KEEP,
    Action,
    ActionRefused,
    CancelOrder,
    CloseTrade,
    EntryType,
    ModifyTrade,
    OpenTrade,
    Side,
    parse_action,
)
from analysis.strategy.canonical import canonical_json
from analysis.strategy.contract import BaseStrategy, PendingOrder, Position, TickStrategy
from analysis.strategy.loading import (
    describe,
    load_strategy_class,
    make_strategy,
    strategy_filename,
    strategy_traceback,
)
from analysis.strategy.params import StrategyParams, resolve_params
from analysis.strategy.source import StrategySource, inspect_source

__all__ = [
    "KEEP",
    "Action",
    "ActionRefused",
    "BaseStrategy",
    "CancelOrder",
    "CloseTrade",
    "EntryType",
    "FieldProblem",
    "Instrument",
    "ModifyTrade",
    "OpenTrade",
    "ParamsInvalid",
    "PendingOrder",
    "Position",
    "Side",
    "StrategyError",
    "StrategyParams",
    "StrategySource",
    "TickStrategy",
    "canonical_json",
    "describe",
    "inspect_source",
    "load_strategy_class",
    "make_strategy",
    "parse_action",
    "resolve_params",
    "strategy_filename",
    "strategy_traceback",
]
