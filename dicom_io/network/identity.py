"""The identifiers of an encoded data set, read without decoding it.

The receiver needs four elements of every instance and trusts none of its bytes. This walk looks only at tags
and lengths, needs no recursion, and stops behind (0020,000E).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from struct import error as StructError  # noqa: N812 - the standard library's own name is too general
from typing import Final

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info, read_preamble

from config.errors import NodeError

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"

MAXIMUM_DEPTH = 64
"""Nesting of sequences in front of the identifiers; real headers stay below ten."""
MAXIMUM_ELEMENTS = 100_000
"""Elements and items walked in front of the identifiers; real headers stay below a thousand."""
MAXIMUM_HEADER_BYTES = 16 * 1024 * 1024
"""How far into the file `read_file_identity` looks."""

_UID = re.compile(rb"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
"""PS3.5 9.1, except that leading zeros, which some systems write, are taken."""
_UNDEFINED = 0xFFFFFFFF
_LONG_LENGTH_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""PS3.5 7.1.2: two reserved bytes and a length of four."""
_SOP_CLASS, _SOP_INSTANCE = (0x0008, 0x0016), (0x0008, 0x0018)
_STUDY, _SERIES = (0x0020, 0x000D), (0x0020, 0x000E)
_NAMES = {
    _SOP_CLASS: "SOPClassUID",
    _SOP_INSTANCE: "SOPInstanceUID",
    _STUDY: "StudyInstanceUID",
    _SERIES: "SeriesInstanceUID",
}


class UnreadableInstanceError(NodeError):
    """The data set cannot be parsed as far as its identifiers, or one of them is not a UID."""


@dataclass(frozen=True, slots=True)
class InstanceIdentity:
    """What an instance is, and in which encoding it came."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """The identity of a stored file, and who sent it.

    Parameters
    ----------
    source_ae_title
        (0002,0016); empty where the file does not say.
    data_set_offset
        Where the data set begins in the file, bytes.
    """

    identity: InstanceIdentity
    source_ae_title: str
    data_set_offset: int


def read_identity(data_set: bytes | memoryview, transfer_syntax_uid: str) -> InstanceIdentity:
    """Return the identifiers of an encoded data set.

    Parameters
    ----------
    data_set
        Without preamble and file meta information; it may be cut anywhere behind (0020,000E).
    transfer_syntax_uid
        Its encoding; Deflated is refused.

    Raises
    ------
    UnreadableInstanceError
        The encoding is broken in front of (0020,000E), or an identifier is absent or not a UID (PS3.5 9.1).
    """
    if transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        raise UnreadableInstanceError("deflated data sets are not accepted")
    found: dict[tuple[int, int], bytes] = {}
    view = memoryview(data_set)
    try:
        for tag, start, end in _top_level_elements(view, transfer_syntax_uid):
            if tag in _NAMES:
                found[tag] = bytes(view[start:end])
            if tag >= _SERIES:
                break
    except StructError as error:
        raise UnreadableInstanceError("the data set ends in the middle of an element") from error
    return InstanceIdentity(
        study_instance_uid=_uid(found, _STUDY),
        series_instance_uid=_uid(found, _SERIES),
        sop_instance_uid=_uid(found, _SOP_INSTANCE),
        sop_class_uid=_uid(found, _SOP_CLASS),
        transfer_syntax_uid=transfer_syntax_uid,
    )


def read_file_identity(path: Path) -> FileIdentity:
    """Return the identity of a stored Part 10 file.

    Raises
    ------
    UnreadableInstanceError
        It is no Part 10 file, or its identifiers cannot be read.
    """
    try:
        with path.open("rb") as file:
            read_preamble(file, force=False)
            meta = read_file_meta_info(path)
            offset = 144 + int(meta.FileMetaInformationGroupLength)
            file.seek(offset)
            identity = read_identity(file.read(MAXIMUM_HEADER_BYTES), str(meta.TransferSyntaxUID))
    except (InvalidDicomError, AttributeError, ValueError, EOFError, StructError) as error:
        raise UnreadableInstanceError(f"{path.name} is not a DICOM file: {type(error).__name__}") from error
    return FileIdentity(identity, str(meta.get("SourceApplicationEntityTitle", "")), offset)


def _uid(found: dict[tuple[int, int], bytes], tag: tuple[int, int]) -> str:
    if tag not in found:
        raise UnreadableInstanceError(f"{_NAMES[tag]} is missing")
    value = found[tag].rstrip(b"\0 ")
    if not _UID.fullmatch(value):
        raise UnreadableInstanceError(f"{_NAMES[tag]} is not a UID")
    return value.decode("ascii")


class _Encoding:
    """Byte order and VR of a stretch of the data set."""

    def __init__(self, order: str, *, explicit: bool) -> None:
        self.explicit = explicit
        self.tag = Struct(f"{order}HH")
        self.short = Struct(f"{order}H")
        self.long = Struct(f"{order}L")

    def header(self, view: memoryview, offset: int, group: int) -> tuple[bytes, int, int]:
        """Return VR (empty where implicit), value offset and length of the element at `offset`."""
        if group == 0xFFFE or not self.explicit:
            return b"", offset + 8, self.long.unpack_from(view, offset + 4)[0]
        vr = bytes(view[offset + 4 : offset + 6])
        if vr in _LONG_LENGTH_VRS:
            return vr, offset + 12, self.long.unpack_from(view, offset + 8)[0]
        if not (vr.isalpha() and vr.isupper()):
            raise UnreadableInstanceError("an element has no valid VR")
        return vr, offset + 8, self.short.unpack_from(view, offset + 6)[0]


_IMPLICIT = _Encoding("<", explicit=False)
_EXPLICIT = _Encoding("<", explicit=True)
_EXPLICIT_BIG_ENDIAN = _Encoding(">", explicit=True)


def _top_level_elements(view: memoryview, transfer_syntax_uid: str) -> Iterator[tuple[tuple[int, int], int, int]]:
    """Yield tag, start and end of each top-level value of defined length (PS3.5 7.1, 7.5)."""
    top = {IMPLICIT_VR_LITTLE_ENDIAN: _IMPLICIT, EXPLICIT_VR_BIG_ENDIAN: _EXPLICIT_BIG_ENDIAN}
    encodings = [top.get(transfer_syntax_uid, _EXPLICIT)]
    offset = 0
    for _ in range(MAXIMUM_ELEMENTS):
        if offset >= len(view):
            return
        tag: tuple[int, int] = encodings[-1].tag.unpack_from(view, offset)
        vr, start, length = encodings[-1].header(view, offset, tag[0])
        if tag[0] == 0xFFFE and tag[1] in (0xE00D, 0xE0DD):
            if len(encodings) == 1:
                raise UnreadableInstanceError("a sequence ends that never began")
            encodings.pop()
            offset = start
        elif length == _UNDEFINED:
            if len(encodings) > MAXIMUM_DEPTH:
                raise UnreadableInstanceError(f"sequences are nested deeper than {MAXIMUM_DEPTH}")
            # PS3.5 6.2.2: UN of undefined length is encoded as Implicit VR Little Endian.
            encodings.append(_IMPLICIT if vr == b"UN" else encodings[-1])
            offset = start
        else:
            offset = start + length
            if offset > len(view) and tag <= _SERIES and len(encodings) == 1:
                raise UnreadableInstanceError("an element is longer than the data set")
            if len(encodings) == 1:
                yield tag, start, offset
    raise UnreadableInstanceError(f"more than {MAXIMUM_ELEMENTS} elements in front of the identifiers")
