"""Whether the pixel data of a file are all there, told without reading them."""

import os
import struct
from typing import BinaryIO

TRUNCATED = "truncated: the file ends before its pixel data do"
NO_PIXELS = "no pixel data"
SHORT = "fewer pixels than its rows and columns hold"

_PIXEL_TAGS = {(0x7FE0, 0x0010), (0x7FE0, 0x0008), (0x7FE0, 0x0009)}
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_SEQUENCE_DELIMITER = (0xFFFE, 0xE0DD)
_LONG_HEADER, _SHORT_HEADER = 12, 8


def pixel_problem(file: BinaryIO, implicit: bool, little: bool, *, least_bytes: int = 0) -> str:
    """Return what is wrong with the pixel data element at the position of `file`; empty where nothing is.

    Parameters
    ----------
    file
        Open at the first byte of the element, as reading that stops before the pixels leaves it.
    implicit, little
        Encoding of the data set.
    least_bytes
        Of pixels that are not encapsulated, by the rest of the header; 0 where it does not say.
    """
    end = os.fstat(file.fileno()).st_size
    order = "<" if little else ">"
    size = _SHORT_HEADER if implicit else _LONG_HEADER
    header = file.read(size)
    if len(header) < 4:
        return NO_PIXELS
    if struct.unpack_from(f"{order}HH", header) not in _PIXEL_TAGS:
        return NO_PIXELS
    if len(header) < size:
        return TRUNCATED
    length = struct.unpack_from(f"{order}L", header, size - 4)[0]
    if length == _UNDEFINED_LENGTH:
        return _fragments_problem(file, end)
    if file.tell() + length > end:
        return TRUNCATED
    return _native_problem(length, least_bytes)


def _native_problem(length: int, least_bytes: int) -> str:
    if length == 0:
        return NO_PIXELS
    return SHORT if length < least_bytes else ""


def _fragments_problem(file: BinaryIO, end: int) -> str:
    """Walk the items of encapsulated pixel data to their delimiter (PS3.5 A.4)."""
    while len(header := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", header)
        if (group, element) == _SEQUENCE_DELIMITER:
            return ""
        if (group, element) != _ITEM or file.tell() + length > end:
            return TRUNCATED
        file.seek(length, os.SEEK_CUR)
    return TRUNCATED
