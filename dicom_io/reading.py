"""Read Part 10 files that nobody vouches for: what one of them may cost is bounded before it is parsed."""

import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag

from config.errors import NodeError

MAXIMUM_READS = 4_000_000
"""Of one file, about three for each element: ten seconds of parsing. A large multi-frame image has 500,000."""
MAXIMUM_INFLATED_BYTES = 134_217_728
"""Of a deflated data set; 2 MB of it may inflate to 2 GB."""
PIXEL_TAGS = frozenset({0x7FE00010, 0x7FE00008, 0x7FE00009})


class OversizedFileError(NodeError):
    """A file that costs more than any image is worth: it inflates without end, or has millions of elements."""


class _DeflatedDataSet(Exception):  # noqa: N818 - no error: the sign that the rest of the file is one
    pass


class _Metered:
    """A file that counts how often it is read, and does not hand out all of its rest at once.

    pydicom reads elements piece by piece, and the rest of the file at once only where it is about to inflate it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAXIMUM_READS
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or fewer at the end."""
        if size < 0:
            raise _DeflatedDataSet
        self._left -= 1
        if self._left < 0:
            raise OversizedFileError(f"more than {MAXIMUM_READS // 3} elements")
        return self._file.read(size)


def read_file(
    file: BinaryIO, *, tags: Sequence[BaseTag | str] | None = None, stop_before_pixels: bool = False
) -> FileDataset:
    """Read an open Part 10 file.

    Parameters
    ----------
    tags
        The elements wanted, tags or keywords; all of them where None.
    stop_before_pixels
        Leave `file` at the pixel data, unless the data set is deflated.

    Raises
    ------
    OversizedFileError
        It is not worth reading on.
    Exception
        Whatever pydicom raises on arbitrary bytes.
    """
    wanted = None if tags is None else [_tag(tag) for tag in tags]
    stop_when = _at_pixels if stop_before_pixels else None
    try:
        # As `dcmread`, which makes every wanted tag anew for every file: a third of the time of reading a header.
        return read_partial(_Metered(file), stop_when, specific_tags=wanted)  # type: ignore[arg-type]  # has what is used of a file
    except _DeflatedDataSet:
        return _read_deflated(file, wanted, stop_before_pixels=stop_before_pixels)


def _read_deflated(file: BinaryIO, tags: list[BaseTag | int] | None, *, stop_before_pixels: bool) -> FileDataset:
    """Inflate under a limit (PS3.5 A.5), then parse what came out."""
    start = file.tell()
    file.seek(0)
    opening = dcmread(BytesIO(file.read(start)))
    inflated = BytesIO(_inflate(file))
    data_set = read_dataset(
        _Metered(inflated),  # type: ignore[arg-type]  # as above
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=_at_pixels if stop_before_pixels else None,
        specific_tags=tags,
    )
    found = FileDataset(inflated, data_set, opening.preamble, opening.file_meta, False, True)
    found.set_original_encoding(False, True)
    return found


def _inflate(file: BinaryIO) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(file.read(MAXIMUM_INFLATED_BYTES), MAXIMUM_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise OversizedFileError(f"it inflates to more than {MAXIMUM_INFLATED_BYTES // 2**20} MiB")
    return inflated


def _tag(name: BaseTag | str) -> BaseTag | int:
    return name if isinstance(name, BaseTag) else Tag(name)


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) in PIXEL_TAGS
