"""Text tables of bars: read block by block, every row accounted for by its line."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from analysis.errors import ImportRejected
from analysis.importing.bars import NOT_RECORDED, BadRow, Findings, RawBars, Rule
from analysis.importing.formats import OPTIONAL_NAMES, PRICE_NAMES, TableFormat
from analysis.importing.text_blocks import read_blocks
from analysis.importing.time_text import TimeLayout, find_layout, is_ambiguous_date, parse_times

Progress = Callable[[int, int], None]  # bytes read, bytes in all

MAX_ROWS = 60_000_000  # a century of minutes: anything longer is not M1
_SAMPLE_ROWS = 50
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:nan|inf|infinity)$"
_SHOWN_CHARACTERS = 60


@dataclass
class _Reader:
    table: TableFormat
    findings: Findings
    layout: TimeLayout | None = None
    parts: list[RawBars] = field(default_factory=list)
    lines: int = 0
    rows: int = 0


def read_table(path: Path, table: TableFormat, findings: Findings, on_progress: Progress) -> tuple[RawBars, TimeLayout]:
    """The readable rows of a text table and how its times are written; the others go to `findings`.

    Raises ImportRejected for a file without rows or whose times are in no known layout.
    """
    size = path.stat().st_size
    reader = _Reader(table, findings)
    for block, done in read_blocks(path):
        _read_block(reader, path, block)
        on_progress(done, size)
        if reader.rows > MAX_ROWS:
            raise ImportRejected(f"{path.name} has more than {MAX_ROWS:,} rows: no file of M1 bars")
    if reader.layout is None:
        odd = findings.examples.get(Rule.UNREADABLE)
        told = f"; line {odd[0].line}: {odd[0].detail}" if odd else ""
        raise ImportRejected(f"{path.name} has no rows of {table.columns} columns{told}")
    return RawBars.join(reader.parts), reader.layout


def _read_block(reader: _Reader, path: Path, block: bytes) -> None:
    while reader.lines < reader.table.header_lines:
        block = block.partition(b"\n")[2]
        reader.lines += 1
    if not block:
        return
    columns, line, total = _columns(reader, block)
    reader.lines += total
    if not len(line):
        return
    times = _time_texts(columns, reader.table)
    if reader.layout is None:
        reader.layout = learn_layout(path.name, times)
    _parse(reader, columns, times, reader.layout, line)


def _columns(reader: _Reader, block: bytes) -> tuple[pa.Table, NDArray[np.int64], int]:
    """The block's columns as text, the line of each row, and how many lines the block has."""
    block = block.replace(b'"', b"")  # numbers and times need no quotes, and a stray one would swallow rows
    names = [str(number) for number in range(reader.table.columns)]
    odd: list[tuple[int, str]] = []

    def refuse(row: pa.csv.InvalidRow) -> str:
        odd.append((row.number, row.text))
        return "skip"

    columns = pa.csv.read_csv(
        pa.BufferReader(block),
        pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(block) + 1),
        pa.csv.ParseOptions(
            delimiter=reader.table.delimiter,
            quote_char=False,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    ).combine_chunks()
    total = columns.num_rows + len(odd)
    row = np.delete(np.arange(total), [number - 1 for number, _ in odd])
    blank = _blank_lines(columns, row, block)
    line = reader.lines + 1 + row[~blank]
    wrong = [(reader.lines + number, text) for number, text in odd if text.strip()]
    _refuse_wrong_columns(reader, wrong)
    reader.rows += len(line) + len(wrong)
    return columns.filter(pa.array(~blank)), line, total


def _blank_lines(columns: pa.Table, row: NDArray[np.int64], block: bytes) -> NDArray[np.bool_]:
    """Rows that come from an empty line; one of delimiters only is a bad row, not a blank one."""
    empty = np.ones(columns.num_rows, np.bool_)
    for column in columns.columns:
        empty &= pc.equal(column, "").to_numpy()
    if empty.any():
        lines = block.split(b"\n")
        for position in np.flatnonzero(empty):
            empty[position] = not lines[row[position]].strip()
    return empty


def _refuse_wrong_columns(reader: _Reader, wrong: list[tuple[int, str]]) -> None:
    detail = f"has not {reader.table.columns} columns"
    examples = [BadRow(line, "", f"{_short(text)!r} {detail}") for line, text in wrong]
    reader.findings.add(Rule.UNREADABLE, len(wrong), examples)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _time_texts(columns: pa.Table, table: TableFormat) -> pa.StringArray:
    parts = [pc.utf8_trim_whitespace(_one(columns.column(number))) for number in table.roles["time"]]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, " ")


def _one(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def learn_layout(name: str, times: pa.StringArray) -> TimeLayout:
    """The layout most of the first times have. Raises ImportRejected when none has one."""
    samples = times.slice(0, _SAMPLE_ROWS).to_pylist()
    layouts = [layout for layout in map(find_layout, samples) if layout is not None]
    if layouts:
        widths = Counter(len(layout.sample) for layout in layouts)
        return next(layout for layout in layouts if len(layout.sample) == widths.most_common(1)[0][0])
    if is_ambiguous_date(samples[0]):
        raise ImportRejected(f"{name}: {samples[0]!r} may be a day and month or a month and day; use yyyy-mm-dd hh:mm")
    raise ImportRejected(f"{name}: the time {_short(samples[0])!r} is no date with hours and minutes")


def _parse(
    reader: _Reader, columns: pa.Table, times: pa.StringArray, layout: TimeLayout, line: NDArray[np.int64]
) -> None:
    wall_ms, readable = parse_times(times, layout)
    _refuse(reader.findings, Rule.UNREADABLE_TIME, ~readable, line, times, "time", times)
    values: dict[str, NDArray[Any]] = {}
    for role in (*PRICE_NAMES, *OPTIONAL_NAMES):
        if role not in reader.table.roles:
            values[role] = np.full(len(line), NOT_RECORDED)
            continue
        texts = pc.utf8_trim_whitespace(_one(columns.column(reader.table.roles[role][0])))
        values[role], sound = to_numbers(texts)
        if role in OPTIONAL_NAMES:
            sound |= pc.equal(texts, "").to_numpy(zero_copy_only=False)
        _refuse(reader.findings, Rule.UNREADABLE, readable & ~sound, line, times, role, texts)
        readable &= sound
    reader.parts.append(RawBars(line=line, wall_ms=wall_ms, **values).take(readable))


def _refuse(
    findings: Findings,
    rule: Rule,
    bad: NDArray[np.bool_],
    line: NDArray[np.int64],
    times: pa.StringArray,
    role: str,
    texts: pa.StringArray,
) -> None:
    rows = np.flatnonzero(bad)
    findings.add(
        rule,
        len(rows),
        [
            BadRow(int(line[row]), _short(times[row].as_py()), f"{role} is {_short(texts[row].as_py())!r}")
            for row in rows[: findings.listed_per_rule].tolist()
        ],
    )


def to_numbers(texts: pa.StringArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The nearest floats, and which texts are numbers ("nan" and "inf" are; they are judged later)."""
    try:
        return pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), np.ones(len(texts), np.bool_)
    except pa.ArrowInvalid:
        sound = pc.match_substring_regex(texts, _NUMBER)
        numbers = pc.cast(pc.if_else(sound, texts, pa.scalar(None, pa.string())), pa.float64())
        return (
            numbers.fill_null(NOT_RECORDED).to_numpy(zero_copy_only=False),
            sound.to_numpy(zero_copy_only=False),
        )
