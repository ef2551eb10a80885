"""Everything that enters a backtest's digest: taken from the rows and the store when it runs, kept with the run, and
rebuilt from what was kept when it is verified."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from analysis.candle_store.reading import to_moment, to_ms
from analysis.candles import Candles
from analysis.engine import BacktestSettings
from analysis.errors import RunFailed
from analysis.instrument import Instrument
from analysis.sandbox.parent import BacktestJob
from analysis.utils.data_processor import load_m1_candles
from bots.models import BacktestConfig, BacktestRun
from bots.services.warmup import warm_start
from trading.models import InstrumentSpecification

_LONGEST_CLOSURE = timedelta(days=5)


@dataclass(frozen=True)
class Inputs:
    """A job and the candles of each of its symbols; `warnings` are what the platform has to say about them."""

    job: BacktestJob
    candles: tuple[Candles, ...]
    fingerprints: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def snapshots(self) -> dict[str, Any]:
        """The columns of the run that keep them."""
        pairs = zip(self.candles, self.fingerprints, strict=True)
        return {
            "instrument_snapshot": [asdict(instrument) for instrument in self.job.instruments],
            "settings_snapshot": asdict(self.job.settings),
            "data_snapshot": [_described(series, fingerprint) for series, fingerprint in pairs],
            "data_fingerprint": self.job.data_fingerprint,
        }


def gather(run: BacktestRun) -> Inputs:
    """As rows and store are now. Raises RunFailed for an instrument that cannot be traded, NoCandles naming the
    symbol, CorruptCandles."""
    config = run.config
    candles: list[Candles] = []
    warnings: list[str] = []
    for symbol in run.instrument_symbols:
        start, found = warm_start(symbol, run.data_window_start, config.timeframe, config.warmup_bars)
        candles.append(_load(symbol, start, run))
        warnings += _uncovered(candles[-1], run)
        if found < config.warmup_bars:
            warnings.append(
                f"{symbol}: the store has {found} of the {config.warmup_bars} bars before the window "
                "that warm indicators up"
            )
    made = _inputs(run, _instruments(run.instrument_symbols), _settings(run), candles)
    return replace(made, warnings=tuple(warnings))


def rebuild(run: BacktestRun) -> Inputs:
    """As they were when the completed run was made; the candles are those the store has now from the first one of then
    to the end of the window. Raises NoCandles, CorruptCandles."""
    instruments = [Instrument(**_floats(Instrument, kept)) for kept in run.instrument_snapshot]
    kept_settings = BacktestSettings(**_floats(BacktestSettings, run.settings_snapshot))
    candles = [_load(kept["symbol"], datetime.fromisoformat(kept["first"]), run) for kept in run.data_snapshot]
    return _inputs(run, instruments, kept_settings, candles)


def _inputs(
    run: BacktestRun, instruments: Sequence[Instrument], how: BacktestSettings, candles: Sequence[Candles]
) -> Inputs:
    version = run.config.bot_version
    fingerprints = tuple(series.fingerprint() for series in candles)
    job = BacktestJob(
        source=version.code,
        filename=version.bot.strategy_template,
        code_hash=version.code_hash,
        params=version.params,
        instruments=tuple(instruments),
        settings=how,
        data_fingerprint=_joined(fingerprints),
    )
    return Inputs(job, tuple(candles), fingerprints)


def _instruments(symbols: Iterable[str]) -> list[Instrument]:
    known = InstrumentSpecification.objects.in_bulk(list(symbols))
    found = []
    for symbol in symbols:
        if symbol not in known:
            raise RunFailed("instrument_unknown", f"There is no instrument specification for {symbol!r} any more")
        try:
            found.append(known[symbol].to_instrument())
        except ValueError as error:
            raise RunFailed("instrument_invalid", str(error)) from error
    return found


def _settings(run: BacktestRun) -> BacktestSettings:
    config: BacktestConfig = run.config
    return BacktestSettings(
        initial_equity=float(config.initial_equity),
        timeframe=config.timeframe,
        slippage_ms=config.slippage_ms,
        slippage_r=float(config.slippage_r),
        spread_points=config.spread_points,
        commission_per_lot=float(config.commission_per_lot),
        intrabar=config.intrabar,
        risk=config.risk_json,
        trade_from=to_ms(run.data_window_start),
        leverage=None if config.leverage is None else float(config.leverage),
        stop_out_level=float(config.stop_out_level),
        rollover_time=config.rollover_time,
        rollover_timezone=config.rollover_timezone,
    )


def _load(symbol: str, start: datetime, run: BacktestRun) -> Candles:
    """Candles from `start` to the end of the run's window, with at least one inside the window."""
    window_start, end, root = run.data_window_start, run.data_window_end, settings.MARKET_DATA_ROOT
    candles = load_m1_candles(symbol, min(start, window_start), end, data_root=root)
    if candles.time[-1] < to_ms(window_start):
        return load_m1_candles(symbol, window_start, end, data_root=root)  # raises what is missing
    return candles


def _uncovered(candles: Candles, run: BacktestRun) -> Iterator[str]:
    """Where the store has nothing at an end of the window for longer than a market is closed over a holiday."""
    inside = candles.time[candles.time >= to_ms(run.data_window_start)]
    first, last = to_moment(inside[0]), to_moment(inside[-1])
    start, end = run.data_window_start, run.data_window_end
    if first - start > _LONGEST_CLOSURE:
        yield f"{candles.symbol}: the window begins on {start:%Y-%m-%d}, the candles on {first:%Y-%m-%d}."
    if end - last > _LONGEST_CLOSURE:
        yield f"{candles.symbol}: the window ends on {end:%Y-%m-%d}, the candles on {last:%Y-%m-%d}."


def _joined(fingerprints: Sequence[str]) -> str:
    """One fingerprint of one or several series, in their order."""
    if len(fingerprints) == 1:
        return fingerprints[0]
    return hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()


def _described(candles: Candles, fingerprint: str) -> dict[str, Any]:
    first, last = (to_moment(candles.time[index]).isoformat() for index in (0, -1))
    return {"symbol": candles.symbol, "first": first, "last": last, "candles": len(candles), "fingerprint": fingerprint}


def _floats(kind: type[Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """PostgreSQL writes 1e20 as a whole number: what is to be a float becomes one again."""
    real = {field.name for field in fields(kind) if field.type in (float, float | None)}
    return {name: float(value) if name in real and value is not None else value for name, value in kept.items()}
