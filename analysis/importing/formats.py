"""Which format a file has, learned from its first lines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.errors import ImportRejected
from analysis.importing.clocks import Clock, fixed_clock, parse_clock
from analysis.importing.text_blocks import read_head

MT5, HISTDATA, HISTDATA_MT, DUKASCOPY, CSV, PARQUET = FORMATS = (
    "mt5", "histdata", "histdata-mt", "dukascopy", "csv", "parquet",
)  # fmt: skip
# HistData writes Eastern Standard Time all year round, without daylight saving.
HISTDATA_CLOCK = fixed_clock("-0500")

PRICE_NAMES = {
    "open": ("open", "o", "open_bid", "bid_open", "bidopen"),
    "high": ("high", "h", "high_bid", "bid_high", "bidhigh"),
    "low": ("low", "l", "low_bid", "bid_low", "bidlow"),
    "close": ("close", "c", "close_bid", "bid_close", "bidclose"),
}
OPTIONAL_NAMES = {
    "volume": ("tick_volume", "tickvol", "tickvolume", "ticks", "volume", "vol", "v"),
    "spread": ("spread",),
}
TIME_NAMES = (
    "time", "timestamp", "datetime", "date_time", "gmt_time", "local_time", "utc", "time_utc", "utc_time",
    "open_time", "opentime", "date", "ts", "t",
)  # fmt: skip
_NAMED_CLOCK = re.compile(r"time_\((.+)\)")
_DELIMITERS = ("\t", ";", ",")

_HISTDATA_LINE = re.compile(r"\d{8} \d{6};[^;]+;[^;]+;[^;]+;[^;]+(;[^;]*)?")
_HISTDATA_MT_LINE = re.compile(r"\d{4}\.\d\d\.\d\d,\d\d:\d\d(,[^,]+){4}(,[^,]*)?")
_TICK_LINE = re.compile(r"\d{8} \d{9}[,;].*")


@dataclass(frozen=True)
class TableFormat:
    """A text table: where its columns are, and whose clock it keeps.

    `roles` maps time, open, high, low, close, volume, spread to column numbers; time may take two. `clock`
    is stated by the file, `usual_clock` is what the format's publisher is known to keep.
    """

    name: str
    delimiter: str
    columns: int
    roles: Mapping[str, tuple[int, ...]]
    header_lines: int
    clock: Clock | None = None
    usual_clock: Clock | None = None
    notes: tuple[str, ...] = ()


def detect_format(path: Path, wanted: str | None = None) -> TableFormat | None:
    """The table's format; None for Parquet.

    With `wanted` (one of FORMATS) the file must be of that format. Raises ImportRejected for a file that is
    none, for ticks, and for archives.
    """
    if wanted is not None and wanted not in FORMATS:
        raise ImportRejected(f"Unknown format {wanted!r}; known are {', '.join(FORMATS)}")
    with path.open("rb") as file:
        magic = file.read(4)
    _reject_containers(path, magic)
    if magic == b"PAR1":
        found = None
    else:
        lines = read_head(path).splitlines()
        blank = next((number for number, line in enumerate(lines) if line.strip()), None)
        if blank is None:
            raise ImportRejected(f"{path.name} is empty")
        lines = lines[blank:]
        headerless = lines[0].strip()[:1].isdigit()
        found = _headerless(path, lines) if headerless else _with_header(path, lines, blank)
    name = PARQUET if found is None else found.name
    if wanted not in (None, name) and {wanted, name} != {MT5, CSV}:
        raise ImportRejected(f"{path.name} is not in the format {wanted}; it looks like {name}")
    return found


def _reject_containers(path: Path, magic: bytes) -> None:
    if not magic:
        raise ImportRejected(f"{path.name} is empty")
    if magic.startswith((b"PK", b"\x1f\x8b", b"\xfd7zX", b"7z", b"Rar!")):
        raise ImportRejected(f"{path.name} is an archive: unpack it and import what is inside")


def _headerless(path: Path, lines: list[str]) -> TableFormat:
    for line in lines[:10]:  # the first one may be bad
        if _TICK_LINE.fullmatch(line):
            raise ImportRejected(f"{path.name} holds ticks; only M1 bars can be imported")
        if _HISTDATA_LINE.fullmatch(line):
            return _fixed_columns(HISTDATA, ";", 1, line.count(";") + 1, ())
        if _HISTDATA_MT_LINE.fullmatch(line):
            return _fixed_columns(HISTDATA_MT, ",", 2, line.count(",") + 1, _mt_note(path))
    raise ImportRejected(_unknown(path, lines))


def _mt_note(path: Path) -> tuple[str, ...]:
    if path.name.upper().startswith("DAT_MT"):
        return ()
    return (
        "Read as HistData's MetaTrader variant. MetaTrader 4 writes the same lines: if the file comes from a "
        "terminal, give the broker's time zone",
    )


def _fixed_columns(name: str, delimiter: str, time: int, columns: int, notes: tuple[str, ...]) -> TableFormat:
    roles: dict[str, tuple[int, ...]] = {"time": tuple(range(time))}
    roles |= {role: (time + number,) for number, role in enumerate(("open", "high", "low", "close"))}
    if columns > time + 4:
        roles["volume"] = (time + 4,)
    return TableFormat(name, delimiter, columns, roles, 0, usual_clock=HISTDATA_CLOCK, notes=notes)


def _with_header(path: Path, lines: list[str], blank: int) -> TableFormat:
    header = lines[0]
    delimiter = max(_DELIMITERS, key=header.count)
    names = [normal_name(name) for name in header.split(delimiter)]
    roles: dict[str, tuple[int, ...]] = {role: (number,) for role, number in value_columns(names).items()}
    if {"bid", "ask"} <= set(names) and "open" not in roles:
        raise ImportRejected(f"{path.name} holds ticks; only M1 bars can be imported")
    if missing := [role for role in PRICE_NAMES if role not in roles]:
        raise ImportRejected(f"{path.name} has no column for {', '.join(missing)}. {_unknown(path, lines)}")
    roles["time"], clock = _time_columns(path, names, lines)
    name = _header_format(header, names)
    return TableFormat(name, delimiter, len(names), roles, blank + 1, clock=clock, notes=_ask_note(path))


def _header_format(header: str, names: list[str]) -> str:
    if "<OPEN>" in header.upper() or {"tick_volume", "spread", "real_volume"} <= set(names):
        return MT5
    if names[0] in ("gmt_time", "local_time") or _NAMED_CLOCK.fullmatch(names[0]):
        return DUKASCOPY
    return CSV


def _ask_note(path: Path) -> tuple[str, ...]:
    if re.search(r"(?:^|[^a-z])ask(?:[^a-z]|$)", path.name.lower()) is None:
        return ()
    return ("The file's name says ask prices; candles are bid prices, and the spread is added to them",)


def normal_name(name: str) -> str:
    """A column's name as the lists above spell it."""
    return name.strip().strip("\"'\ufeff").strip().strip("<>").lower().replace(" ", "_")


def value_columns(names: list[str]) -> dict[str, int]:
    """Column numbers of the prices, volume and spread that are there, by their usual names."""
    known = PRICE_NAMES | OPTIONAL_NAMES
    found = {
        role: next((names.index(alias) for alias in aliases if alias in names), None) for role, aliases in known.items()
    }
    return {role: number for role, number in found.items() if number is not None}


def _time_columns(path: Path, names: list[str], lines: list[str]) -> tuple[tuple[int, ...], Clock | None]:
    if {"date", "time"} <= set(names):
        return (names.index("date"), names.index("time")), None
    for number, name in enumerate(names):
        if (named := _NAMED_CLOCK.fullmatch(name)) is not None:
            return (number,), parse_clock(named[1].upper())
    for alias in (alias for alias in TIME_NAMES if alias in names):
        stated = parse_clock("UTC") if "gmt" in alias or "utc" in alias else None
        return (names.index(alias),), stated
    raise ImportRejected(f"{path.name} has no column for the time. {_unknown(path, lines)}")


def _unknown(path: Path, lines: list[str]) -> str:
    return (
        f"Its first line is {lines[0][:80]!r}; known are exports of MetaTrader 5, HistData (ASCII and "
        "MetaTrader M1) and Dukascopy, tables with a header, and Parquet"
    )
