"""A text file in blocks of whole lines, as UTF-8, whatever Windows program wrote it."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from analysis.errors import ImportRejected

_BLOCK_BYTES = 4 << 20
_HEAD_BYTES = 64 << 10
_LONGEST_LINE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_head(path: Path) -> str:
    """The beginning of the file, without a byte order mark; a line at the end may be cut."""
    with path.open("rb") as file:
        encoding = _skip_mark(file)
        return file.read(_HEAD_BYTES).decode(encoding, errors="replace")


def read_blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole lines in UTF-8, and how many bytes of the file have been read with each.

    Bytes that are no text become U+FFFD, which no number or time contains. Raises ImportRejected for a line
    of more than a megabyte.
    """
    with path.open("rb") as file:
        decoder = codecs.getincrementaldecoder(_skip_mark(file))(errors="replace")
        carried = b""
        while chunk := file.read(_BLOCK_BYTES):
            block = carried + decoder.decode(chunk).encode()
            end = block.rfind(b"\n") + 1
            carried = block[end:]
            if len(carried) > _LONGEST_LINE:
                raise ImportRejected(f"{path.name} is not a table of lines")
            if end:
                yield block[:end], file.tell()
        if carried := carried + decoder.decode(b"", final=True).encode():
            yield carried, file.tell()


def _skip_mark(file: BinaryIO) -> str:
    start = file.read(3)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            file.seek(len(mark))
            return encoding
    file.seek(0)
    return "utf-8"
