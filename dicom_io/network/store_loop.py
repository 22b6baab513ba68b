"""C-STORE without detours: data set fragments go from the socket into one buffer, and the answer straight back.

pynetdicom copies each PDU about six times and hands it from thread to thread. While an acceptor's association is
established, this loop reads in its place, on the thread of the association. It serves C-STORE itself and hands
every other message, and everything that is not P-DATA, to pynetdicom.
"""

import logging
import struct
from collections.abc import Callable

from pynetdicom.association import Association
from pynetdicom.pdu_primitives import P_DATA

from dicom_io.network.command_set import (
    C_ECHO_RQ,
    C_STORE_RQ,
    N_EVENT_REPORT_RQ,
    Command,
    CommandSetError,
    parse_command,
    response,
)
from dicom_io.network.data_set_buffer import DataSetBuffer
from dicom_io.network.limits import TransportLimits
from dicom_io.network.negotiation import STORAGE_COMMITMENT_SOP_CLASS_UID, VERIFICATION_SOP_CLASS_UID
from dicom_io.network.pdu import PDU_HEADER
from dicom_io.network.pdu_reader import PduReader
from dicom_io.network.provider import GuardedProvider
from dicom_io.network.receiving_memory import Loan
from dicom_io.network.status import StoreStatus
from dicom_io.network.transport import GuardedSocket

LOGGER = logging.getLogger(__name__)

ServeStore = Callable[[Association, int, Command, memoryview], tuple[StoreStatus, str]]
"""Association, presentation context, command, data set to the status and its comment; must not raise.

The memory of the data set is that of the next one as well: what is to stay is copied."""

_P_DATA_TF = 0x04
_PDV_HEADER = struct.Struct(">LBB")
_PDU_AND_PDV_HEADER = struct.Struct(">BBLLBB")
_COMMAND, _LAST = 0x01, 0x02
"""Bits of the message control header (PS3.8 E.2)."""
_MAXIMUM_COMMAND_SET_BYTES = 65_536
_MAXIMUM_OTHER_DATA_SET_BYTES = 16 * 1024 * 1024
"""Of messages that are no C-STORE: a commitment report of 100,000 instances."""
_SERVED = {C_ECHO_RQ: VERIFICATION_SOP_CLASS_UID, N_EVENT_REPORT_RQ: STORAGE_COMMITMENT_SOP_CLASS_UID}
"""What pynetdicom serves, and in presentation contexts of which SOP class; anything else it would abort."""


class ProtocolError(Exception):
    """The peer broke PS3.8; answered with A-ABORT."""


class StoreLoop:
    """Serves one established association until the peer asks for something that pynetdicom does.

    Parameters
    ----------
    assoc
        An acceptor's, established.
    transport
        Its socket, whose reading is held for this loop.
    """

    def __init__(
        self,
        assoc: Association,
        provider: GuardedProvider,
        transport: GuardedSocket,
        serve: ServeStore,
        limits: TransportLimits,
    ) -> None:
        self._assoc = assoc
        self._provider = provider
        self._transport = transport
        self._reader = PduReader(transport, limits)
        self._serve = serve
        self._limits = limits
        self._command_set = bytearray()
        self._command: Command | None = None
        self._context_id = 0
        self._loan = Loan(limits.memory, limits.network_timeout_s)
        self._data_set = DataSetBuffer(self._loan)

    def run(self) -> None:
        """Serve; afterwards pynetdicom has the association as if it had served it itself."""
        try:
            self._reader.open()
            self._serve_messages()
        except TimeoutError:
            LOGGER.warning("association of %r aborted: the peer is silent", self._assoc.requestor.ae_title)
            self._assoc.abort()
        except (ProtocolError, CommandSetError) as error:
            LOGGER.warning("association of %r aborted: %s", self._assoc.requestor.ae_title, error)
            self._provider.event_queue.put("Evt19")  # PS3.8 9.2: unrecognised or invalid PDU.
        except OSError:
            self._provider.event_queue.put("Evt17")  # Transport connection closed.
        finally:
            self._reader.close()
            self._data_set = DataSetBuffer(self._loan)
            self._loan.release()
            self._provider._idle_timer.restart()
            self._provider.wake()

    def _serve_messages(self) -> None:
        while not self._assoc._kill and self._provider.event_queue.empty():
            kind, length = self._reader.header()
            if kind != _P_DATA_TF:
                self._reader.give_back(PDU_HEADER.size)
                return
            self._take_pdu(length)

    def _take_pdu(self, length: int) -> None:
        left = length
        while left:
            if left < _PDV_HEADER.size:
                raise ProtocolError("a presentation data value ends in the middle")
            item, context_id, control = _PDV_HEADER.unpack(self._reader.take(_PDV_HEADER.size))
            left -= 4 + item
            if item < 2 or left < 0:
                raise ProtocolError("a presentation data value does not fit its PDU")
            if control & _COMMAND:
                self._take_command(context_id, item - 2, last=bool(control & _LAST))
            else:
                self._take_data(context_id, item - 2, last=bool(control & _LAST))

    def _take_command(self, context_id: int, count: int, *, last: bool) -> None:
        if self._command is not None:
            raise ProtocolError("a command comes in the middle of a data set")
        if len(self._command_set) + count > _MAXIMUM_COMMAND_SET_BYTES:
            raise ProtocolError("the command set is too long")
        self._command_set += self._reader.take(count)
        if not last:
            return
        if context_id not in self._assoc._accepted_cx:
            raise ProtocolError("a message comes in a presentation context that was not accepted")
        self._context_id = context_id
        self._command = parse_command(self._command_set)
        is_store = self._command.field == C_STORE_RQ
        limit = self._limits.maximum_data_set_bytes if is_store else _MAXIMUM_OTHER_DATA_SET_BYTES
        self._data_set.begin(limit)
        if not self._command.has_data_set:
            self._answer(self._command)

    def _take_data(self, context_id: int, count: int, *, last: bool) -> None:
        if self._command is None or context_id != self._context_id:
            raise ProtocolError("a data set comes without its command")
        self._data_set.read(self._reader, count)
        if last:
            self._answer(self._command)

    def _answer(self, command: Command) -> None:
        encoded, self._command_set = self._command_set, bytearray()
        self._command = None
        if command.field == C_STORE_RQ:
            with self._data_set.content() as data_set:
                status, comment = self._serve(self._assoc, self._context_id, command, data_set)
            self._data_set.end()
            self._send(response(command, status, comment))
        elif self._is_served(command):
            with self._data_set.content() as data_set:
                self._hand_over(bytes(encoded), bytes(data_set) if command.has_data_set else None)
            self._data_set.end()
        else:
            self._data_set.end()
            self._refuse(command)

    def _is_served(self, command: Command) -> bool:
        abstract_syntax = self._assoc._accepted_cx[self._context_id].abstract_syntax
        return _SERVED.get(command.field) == abstract_syntax

    def _refuse(self, command: Command) -> None:
        LOGGER.warning("request 0x%04X of %r is not served here", command.field, self._assoc.requestor.ae_title)
        if command.is_answered:
            self._send(response(command, command.refusal, "this node does not offer that service"))

    def _send(self, command_set: bytes) -> None:
        pdv = len(command_set) + 2
        header = _PDU_AND_PDV_HEADER.pack(_P_DATA_TF, 0, 4 + pdv, pdv, self._context_id, _COMMAND | _LAST)
        self._transport.send(header + command_set)

    def _hand_over(self, command_set: bytes, data_set: bytes | None) -> None:
        """Let pynetdicom serve a message as if it had read it."""
        fragments = [bytes([_COMMAND | _LAST]) + command_set]
        if data_set is not None:
            fragments.append(bytes([_LAST]) + data_set)
        for fragment in fragments:
            primitive = P_DATA()
            primitive.presentation_data_value_list = [[self._context_id, fragment]]  # type: ignore[list-item]  # as it checks
            self._assoc.dimse.receive_primitive(primitive)
        context_id, message = self._assoc.dimse.get_msg(block=False)
        if message is not None and context_id is not None:
            self._assoc._serve_request(message, context_id)
