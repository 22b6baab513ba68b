"""Command sets, read, and their answers written without a data set of pydicom (PS3.7 6.3.1, 9.3.1, E.1)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dicom_io.network.status import StoreStatus

NO_DATA_SET = 0x0101
C_STORE_RQ, C_ECHO_RQ, N_EVENT_REPORT_RQ = 0x0001, 0x0030, 0x0100
_C_CANCEL_RQ = 0x0FFF
_RESPONSE = 0x8000
"""Bit of a command field."""
_NORMALISED = range(0x0100, 0x0151)
"""Command fields of the DIMSE-N services."""
COMMAND_FIELDS = frozenset(
    field | answer
    for field in (0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150)
    for answer in (0x0000, 0x8000)
) | {0x0FFF}
"""Every request, its response, and C-CANCEL (PS3.7 E.1)."""
_ELEMENT = struct.Struct("<HHL")
_GROUP_LENGTH, _SOP_CLASS, _COMMAND_FIELD, _MESSAGE_ID = 0x0000, 0x0002, 0x0100, 0x0110
_REQUESTED_SOP_CLASS, _REQUESTED_SOP_INSTANCE = 0x0003, 0x1001
_RESPONDED_TO, _DATA_SET_TYPE, _STATUS, _ERROR_COMMENT, _SOP_INSTANCE = 0x0120, 0x0800, 0x0900, 0x0902, 0x1000
_ERROR_COMMENT_CHARACTERS = 64
"""VR LO of (0000,0902)."""


class CommandSetError(Exception):
    """The bytes are no command set."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a command set asks for.

    Parameters
    ----------
    field
        (0000,0100).
    has_data_set
        Whether fragments of a data set follow.
    sop_class_uid, sop_instance_uid
        (0000,0002) and (0000,1000), or (0000,0003) and (0000,1001), as they came, without padding; empty where
        absent. A peer chose these bytes.
    """

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: bytes
    sop_instance_uid: bytes

    @property
    def is_answered(self) -> bool:
        """Whether PS3.7 has an answer to it: not to an answer, nor to C-CANCEL (9.3.2.3)."""
        return not self.field & _RESPONSE and self.field != _C_CANCEL_RQ

    @property
    def refusal(self) -> StoreStatus:
        """The status that says that it is not served here (PS3.7 C.4.2 and C.5)."""
        is_normalised = self.field in _NORMALISED
        return StoreStatus.UNRECOGNISED_OPERATION if is_normalised else StoreStatus.SOP_CLASS_NOT_SUPPORTED


def parse_command(encoded: bytes | bytearray) -> Command:
    """Return the command of an encoded command set, which is always Implicit VR Little Endian.

    Raises
    ------
    CommandSetError
        An element does not fit, one is not of group 0000, or the command is none of PS3.7.
    """
    found = dict(_elements(encoded))
    field = _number(found, _COMMAND_FIELD)
    if field not in COMMAND_FIELDS:
        raise CommandSetError(f"there is no command 0x{field:04X}")
    return Command(
        field=field,
        message_id=_number(found, _MESSAGE_ID) if _MESSAGE_ID in found else 0,
        has_data_set=_number(found, _DATA_SET_TYPE) != NO_DATA_SET,
        sop_class_uid=found.get(_SOP_CLASS, found.get(_REQUESTED_SOP_CLASS, b"")).rstrip(b"\0 "),
        sop_instance_uid=found.get(_SOP_INSTANCE, found.get(_REQUESTED_SOP_INSTANCE, b"")).rstrip(b"\0 "),
    )


def response(request: Command, status: StoreStatus, comment: str = "") -> bytes:
    """Return the encoded command set that answers a request, without a data set."""
    elements = [
        (_SOP_CLASS, _even(request.sop_class_uid, b"\0")),
        (_COMMAND_FIELD, struct.pack("<H", request.field | _RESPONSE)),
        (_RESPONDED_TO, struct.pack("<H", request.message_id)),
        (_DATA_SET_TYPE, struct.pack("<H", NO_DATA_SET)),
        (_STATUS, struct.pack("<H", status.value)),
    ]
    if comment:
        text = _printable(comment)[:_ERROR_COMMENT_CHARACTERS].encode("ascii")
        elements.append((_ERROR_COMMENT, _even(text, b" ")))
    if request.sop_instance_uid or request.field == C_STORE_RQ:
        elements.append((_SOP_INSTANCE, _even(request.sop_instance_uid, b"\0")))
    body = b"".join(_ELEMENT.pack(0, tag, len(value)) + value for tag, value in elements)
    return _ELEMENT.pack(0, _GROUP_LENGTH, 4) + struct.pack("<L", len(body)) + body


def _elements(encoded: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(encoded):
        if offset + _ELEMENT.size > len(encoded):
            raise CommandSetError("the command set ends in the middle of an element")
        group, tag, length = _ELEMENT.unpack_from(encoded, offset)
        start = offset + _ELEMENT.size
        offset = start + length
        if group != 0 or offset > len(encoded):
            raise CommandSetError("an element of the command set does not fit")
        yield tag, bytes(encoded[start:offset])


def _number(found: dict[int, bytes], tag: int) -> int:
    value = found.get(tag, b"")
    if len(value) != 2:
        raise CommandSetError(f"(0000,{tag:04X}) is not one number")
    return int.from_bytes(value, "little")


def _printable(text: str) -> str:
    return "".join(character if " " <= character <= "~" and character != "\\" else "?" for character in text)


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value
