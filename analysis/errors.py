"""Expected failures of the library. Each docstring says what the platform does about it."""

from dataclasses import dataclass
from datetime import datetime


class AnalysisError(Exception):
    """Base: `code` is stable and machine readable, `message` is for the person who caused it."""

    code = "analysis_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class DataError(AnalysisError):
    """Candles that are missing or cannot be trusted."""

    code = "data_error"


class NoCandles(DataError):
    """The store has none in the window: the run fails and names what is there."""

    code = "no_candles"


class CorruptCandles(DataError):
    """A file of the store breaks a rule of candles: the run fails, nothing is repaired silently."""

    code = "corrupt_candles"


class ImportRejected(DataError):
    """A source cannot be imported: nothing is written."""

    code = "import_rejected"


class StrategyError(AnalysisError):
    """Strategy source that cannot run: refused at upload with line (1-based, None when unknown) and reason."""

    code = "strategy_invalid"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class FieldProblem:
    """One parameter and the rule it breaks."""

    field: str
    message: str


class ParamsInvalid(StrategyError):
    """Parameters the strategy does not accept: refused with every problem at once."""

    code = "params_invalid"

    def __init__(self, errors: tuple[FieldProblem, ...]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in errors))
        self.errors = errors


class RunFailed(AnalysisError):
    """A run that cannot go on: it ends FAILED with code, message, the strategy's traceback and the bar's time."""

    def __init__(self, code: str, message: str, *, traceback: str = "", bar_time: datetime | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.traceback = traceback
        self.bar_time = bar_time
