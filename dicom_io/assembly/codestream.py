"""What a compressed frame claims to be, told before a decoder allocates for it.

Decoders take the size of the picture from the codestream, not from Rows and Columns: a frame of a few kB may claim
60,000 x 60,000 pixels, and a run-length segment may write 64 times its length.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

_JPEG = frozenset({JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless})
_JPEG_2000 = frozenset({JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL})
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7})
"""SOF markers of ISO/IEC 10918-1 B.1.1.3 and SOF55 of ISO/IEC 14495-1 C.1.1."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a segment."""
_RLE_HEADER = struct.Struct("<16L")
"""PS3.5 G.5: number of segments, and where each begins."""


def frame_problem(frame: bytes, transfer_syntax: UID, rows: int, columns: int) -> str:
    """Return what is wrong with the size of a compressed frame; empty where nothing is.

    Parameters
    ----------
    frame
        The fragments of one frame, joined.
    transfer_syntax
        Of the file.
    rows, columns
        As the header says.
    """
    if transfer_syntax == RLELossless:
        return _rle_problem(frame, rows * columns)
    if transfer_syntax in _JPEG:
        claimed = _jpeg_size(frame)
    elif transfer_syntax in _JPEG_2000:
        claimed = _jpeg_2000_size(frame)
    else:
        return ""
    if claimed is None:
        return "has a compressed frame without a size"
    if claimed != (rows, columns):
        return f"has a compressed frame of {claimed} rows and columns where the header says {(rows, columns)}"
    return ""


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    offset = 2
    while offset + 9 <= len(frame) and frame[offset] == 0xFF:
        marker = frame[offset + 1]
        if marker in _FRAME_HEADERS:
            rows, columns = struct.unpack_from(">HH", frame, offset + 5)
            return rows, columns
        if marker == 0xFF:
            offset += 1
        elif marker in _STANDALONE:
            offset += 2
        else:
            offset += 2 + int(struct.unpack_from(">H", frame, offset + 2)[0])
    return None


def _jpeg_2000_size(frame: bytes) -> tuple[int, int] | None:
    # SOC and SIZ open a codestream (ISO/IEC 15444-1 A.4.1, A.5.1), without the boxes of a JP2 file (PS3.5 A.4.4).
    if not frame.startswith(b"\xff\x4f\xff\x51") or len(frame) < 24:
        return None
    right, bottom, left, top = struct.unpack_from(">4L", frame, 8)
    return bottom - top, right - left


def _rle_problem(frame: bytes, pixels: int) -> str:
    if len(frame) < _RLE_HEADER.size:
        return "has a compressed frame that is cut off"
    number, *starts = _RLE_HEADER.unpack_from(frame)
    bounds = [*starts[: min(number, 15)], len(frame)]
    for start, end in pairwise(bounds):
        if sum(_run_lengths(frame[start:end], pixels)) > pixels + 1:  # PS3.5 G.3.1: padded to an even length.
            return "has a compressed frame that expands to more pixels than its header says"
    return ""


def _run_lengths(segment: bytes, enough: int) -> Iterator[int]:
    """Yield the length of each run (PS3.5 G.3.2), until they are more than enough."""
    offset, found = 0, 0
    while offset < len(segment) and found <= enough + 1:
        header = segment[offset]
        if header > 128:
            length, offset = 257 - header, offset + 2
        elif header < 128:
            length, offset = header + 1, offset + header + 2
        else:
            length, offset = 0, offset + 1
        found += length
        yield length
