"""Turn stored source into a running strategy. This executes other people's code: only ever inside a child
process."""

import hashlib
import linecache
import sys
import traceback
import types
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from analysis.errors import StrategyError
from analysis.instrument import Instrument
from analysis.strategy.actions import storable
from analysis.strategy.fast_reads import NAMES, compile_strategy
from analysis.strategy.params import resolve_params
from analysis.strategy.schema import schema_problems
from analysis.strategy.source import inspect_source

MAX_TRACEBACK_FRAMES = 20


def load_strategy_class(source: str, filename: str) -> type[Any]:
    """Execute `source` in a module of its own and return its strategy class.

    Tracebacks show the source's lines under `filename`. Raises StrategyError with line and reason when the
    source is not a strategy (see `inspect_source`) or fails while it is loaded.
    """
    class_name, code = _read(source, filename)
    name = "botyard_strategy_" + hashlib.sha256(f"{filename}\0{source}".encode()).hexdigest()[:12]
    module = types.ModuleType(name)
    module.__file__ = filename
    module.__dict__.update(NAMES)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        exec(code, module.__dict__)  # noqa: S102 - its purpose
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        line = _last_line(error, filename)
        raise StrategyError(f"Line {line}: {describe(error)}", line=line) from error
    strategy_class = getattr(module, class_name, None)
    if not isinstance(strategy_class, type):
        raise StrategyError(f"{class_name} is not a class once the source has run")
    return strategy_class


@lru_cache(maxsize=4)
def _read(source: str, filename: str) -> tuple[str, Any]:
    """Name of the class and code: the self-check executes the same source dozens of times."""
    return inspect_source(source, filename).class_name, compile_strategy(source, filename)


def make_strategy(
    strategy_class: type[Any],
    params: Mapping[str, object],
    risk_settings: Mapping[str, Any],
    instrument: Instrument,
    account_id: str = "",
) -> Any:
    """An instance by the contract, with `params` over its defaults.

    Raises ParamsInvalid, or StrategyError with the line when its `__init__` fails.
    """
    schema = getattr(strategy_class, "PARAMS_SCHEMA", {})
    defaults = getattr(strategy_class, "DEFAULT_PARAMS", {})
    for _, reason in schema_problems(schema, defaults):
        raise StrategyError(f"{strategy_class.__name__}: {reason}")
    resolved = resolve_params(schema, defaults, params)
    try:
        return strategy_class(
            params=resolved,
            risk_settings=dict(risk_settings),
            instrument_symbol=instrument.symbol,
            account_id=account_id,
            instrument_spec=instrument,
            pip_value=instrument.pip_value,
        )
    except StrategyError:  # its own checks of its parameters
        raise
    except (Exception, SystemExit) as error:
        line = _last_line(error, strategy_filename(strategy_class))
        where = "" if line is None else f"Line {line}: "
        raise StrategyError(f"{where}{describe(error)}", line=line) from error


def strategy_filename(strategy_class: type[Any]) -> str:
    """The name its source was loaded under."""
    module = sys.modules.get(strategy_class.__module__)
    return str(getattr(module, "__file__", "")) if module is not None else ""


def describe(error: BaseException) -> str:
    """Type and message of what a strategy raised, bounded."""
    text = storable("".join(traceback.format_exception_only(error)).strip())
    return text if len(text) <= 1_000 else f"{text[:997]}..."


def strategy_traceback(error: BaseException, filename: str) -> str:
    """The traceback as the author of `filename` wants it: the frames of that file, with their source
    lines."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    shown = traceback.format_list(frames[-MAX_TRACEBACK_FRAMES:])
    return "Traceback (most recent call last):\n" + storable("".join(shown)) + describe(error)


def _last_line(error: BaseException, filename: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    return frames[-1].lineno if frames else None
