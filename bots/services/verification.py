"""Is a completed backtest what its inputs give? It is run again, and what differs is named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from django.conf import settings

from analysis.engine import ENGINE_VERSION, BacktestResult
from analysis.sandbox.parent import run_in_child
from bots.errors import Conflict
from bots.models import BacktestRun
from bots.services.artifacts import read_trades
from bots.services.inputs import Inputs, rebuild
from bots.services.versions import generate_code_hash

_RELATIVES = "config__bot_version__bot"


@dataclass(frozen=True)
class Verification:
    """What a run was and what it is when made again; `differences` explains, and is empty when they are the same."""

    run: BacktestRun
    digest: str
    engine_version: str
    data_fingerprint: str
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the digest came out as it is stored."""
        return self.digest == self.run.digest and not self.differences


def verify_backtest(run: BacktestRun, *, audit: bool = False) -> Verification:
    """Run a completed backtest again, from its row and the store; `audit` has every bar checked for a look into the
    future. Nothing is written.

    Raises Conflict for a run that cannot be repeated, and what a run may raise: AnalysisError.
    """
    run = BacktestRun.objects.select_related(_RELATIVES).get(pk=run.pk)
    if run.status != BacktestRun.Status.COMPLETED:
        raise Conflict(f"Only a COMPLETED run can be verified; this one is {run.status}")
    if not (run.instrument_snapshot and run.settings_snapshot and run.data_snapshot):
        raise Conflict("The run was made before its inputs were kept with it; run it again to have one that is")
    inputs = rebuild(run)
    result = run_in_child(
        replace(inputs.job, audit=audit), inputs.candles,
        wall_clock_s=settings.BACKTEST_WALL_CLOCK_S, watch=lambda done, total: None,
    )  # fmt: skip
    return Verification(
        run, result.digest, result.engine_version, inputs.job.data_fingerprint, tuple(_differences(run, inputs, result))
    )


def _differences(run: BacktestRun, inputs: Inputs, result: BacktestResult) -> Iterator[str]:
    explained = [*_changed_code(run), *_changed_candles(run, inputs)]
    if result.engine_version != run.engine_version:
        explained.append(f"The engine has changed: it was version {run.engine_version}, now it is {ENGINE_VERSION}.")
    yield from explained
    if result.digest == run.digest:
        return
    if not explained:
        yield "The inputs are the same and the result is another: strategy or engine do not give the same twice."
    yield from _changed_trades(run, result)


def _changed_code(run: BacktestRun) -> Iterator[str]:
    version = run.config.bot_version
    if generate_code_hash(version.code, version.params) != version.code_hash:
        yield "The version's source or params were changed in the database: they do not have the version's hash."


def _changed_candles(run: BacktestRun, inputs: Inputs) -> Iterator[str]:
    for kept, candles, fingerprint in zip(run.data_snapshot, inputs.candles, inputs.fingerprints, strict=True):
        if fingerprint != kept["fingerprint"]:
            yield (
                f"The candles of {candles.symbol} have changed: they were imported again, or more were. "
                f"There were {kept['candles']:,} in this window, now there are {len(candles):,}."
            )


def _changed_trades(run: BacktestRun, result: BacktestResult) -> Iterator[str]:
    try:
        stored = read_trades(run)
    except FileNotFoundError:
        yield "The stored trades were cleared, so the first one that differs cannot be shown."
        return
    for number, (old, new) in enumerate(zip_longest(stored, result.trades.rows()), start=1):
        if old != new:
            yield f"The first trade that differs is number {number} of {len(stored)}: {_compared(old, new)}."
            return
    yield f"All {len(stored)} trades are the same."


def _compared(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        only = new if old is None else old
        when = "there is one more now" if old is None else "it is not there any more"
        return f"{when} ({', '.join(f'{name} {only[name]}' for name in ('symbol', 'side', 'entry_time'))})"  # type: ignore[index]
    changed = [name for name in new if old.get(name) != new[name]]
    return "; ".join(f"{name} was {old.get(name)}, now {new[name]}" for name in changed)
