"""The header of a PDU, and how long a PDU and the message in its fragments may be (PS3.8 9.3)."""

import logging
import struct

from pynetdicom.dimse_messages import DIMSEMessage

from dicom_io.network.limits import TransportLimits

LOGGER = logging.getLogger(__name__)

PDU_HEADER = struct.Struct(">BBL")
"""Type, a reserved byte, and the length of what follows."""
_ASSOCIATE_RQ, _ASSOCIATE_AC, P_DATA = 0x01, 0x02, 0x04
PDU_TYPES = frozenset(range(0x01, 0x08))
_FIXED_PDU_BYTES = 4
"""Length of the variable field of A-ASSOCIATE-RJ, A-RELEASE and A-ABORT (PS3.8 9.3)."""
_MAXIMUM_COMMAND_SET_BYTES = 65_536


def check_length(kind: int, length: int, limits: TransportLimits) -> None:
    """Raise ConnectionAbortedError where a PDU is longer than agreed."""
    if kind not in PDU_TYPES:
        return
    limit = _length_limit(kind, limits)
    if length > limit:
        LOGGER.warning("connection closed: PDU type %d claims %d bytes, limit %d", kind, length, limit)
        raise ConnectionAbortedError(f"PDU of {length} bytes")


def _length_limit(kind: int, limits: TransportLimits) -> int:
    if kind == P_DATA:
        # PS3.8 D.1: the limit does not count the six bytes of the header; some peers add them.
        return limits.maximum_pdu_bytes + PDU_HEADER.size
    if kind in (_ASSOCIATE_RQ, _ASSOCIATE_AC):
        return limits.maximum_associate_bytes
    return _FIXED_PDU_BYTES


def check_message_size(message: DIMSEMessage | None, length: int, limits: TransportLimits) -> None:
    """Raise ConnectionAbortedError where `length` bytes more make the message that arrives too long.

    Parameters
    ----------
    message
        As pynetdicom has put it together so far; None before its first fragment.
    """
    if message is None:
        return
    arrived = message.data_set.tell() if message.data_set is not None else 0
    if arrived + length > limits.maximum_data_set_bytes:
        LOGGER.warning("connection closed: data set longer than %d bytes", limits.maximum_data_set_bytes)
        raise ConnectionAbortedError("data set too long")
    if message.encoded_command_set.tell() > _MAXIMUM_COMMAND_SET_BYTES:
        LOGGER.warning("connection closed: command set longer than %d bytes", _MAXIMUM_COMMAND_SET_BYTES)
        raise ConnectionAbortedError("command set too long")
