"""Read Part 10 files that nobody vouches for: what one of them may cost is bounded before it is parsed."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, cast

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag

from config.errors import NodeError

MAXIMUM_READS = 2_000_000
"""Of one file, about three for each element: a few seconds of parsing.

Ten times what Enhanced MR needs: real ones of Siemens XA10 and Philips, with their frames repeated to 600 and 640
and every sequence without a length, take 114,165 and 190,517.
"""
MAXIMUM_ITEMS = 100_000
"""Of the sequences of one file; an empty one costs as much as ten elements. The same two have 6,645 and 8,359."""
MAXIMUM_INFLATED_BYTES = 134_217_728
"""Of a deflated data set; 2 MB of it may inflate to 2 GB."""
_TOO_MANY_ITEMS = f"more than {MAXIMUM_ITEMS} items of sequences"
_ITEM_BYTES = 8
_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""(FFFE,E000) in both byte orders (PS3.5 7.5)."""
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
        self._items_left = MAXIMUM_ITEMS
        self.error: OversizedFileError | None = None
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or fewer at the end."""
        if size < 0:
            raise _DeflatedDataSet
        self._left -= 1
        if self._left < 0:
            raise self._exceeded(f"more than {MAXIMUM_READS // 3} elements")
        content = self._file.read(size)
        if size >= _ITEM_BYTES and content.startswith(_ITEM_TAGS):
            # A sequence whose length is given is read at once, and parsed later, where nothing is metered.
            self._items_left -= content.count(content[:4])
            if self._items_left < 0:
                raise self._exceeded(_TOO_MANY_ITEMS)
        return content

    def _exceeded(self, fact: str) -> OversizedFileError:
        self.error = OversizedFileError(fact)
        return self.error


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
        with _metered(file) as metered:
            return read_partial(metered, stop_when, specific_tags=wanted)
    except _DeflatedDataSet:
        return _read_deflated(file, wanted, stop_before_pixels=stop_before_pixels)


@contextmanager
def _metered(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield `file` under the limits; pydicom turns whatever is raised between two items into an OSError."""
    metered = _Metered(file)
    try:
        yield cast(BinaryIO, metered)  # It has what is used of a file.
    except Exception:
        if metered.error is not None:
            raise metered.error from None
        raise


def _read_deflated(file: BinaryIO, tags: list[BaseTag | int] | None, *, stop_before_pixels: bool) -> FileDataset:
    """Inflate under a limit (PS3.5 A.5), then parse what came out."""
    start = file.tell()
    file.seek(0)
    opening = dcmread(BytesIO(file.read(start)))
    inflated = BytesIO(_inflate(file))
    with _metered(inflated) as metered:
        data_set = read_dataset(
            metered,
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
