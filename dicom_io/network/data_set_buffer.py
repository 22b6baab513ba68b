"""The data set of one C-STORE while it arrives, in memory that stays for the next one of its association."""

import logging

from dicom_io.network.pdu_reader import PduReader
from dicom_io.network.receiving_memory import OWN_BYTES, Loan

LOGGER = logging.getLogger(__name__)

_FIRST_BUFFER_BYTES = 262_144
_KEPT_BUFFER_BYTES = 1_048_576
"""Of an association between two data sets; a fresh buffer is cleared, and each of its pages faulted in."""


class DataSetBuffer:
    """A data set while it arrives, in memory that stays for the next one of the association.

    Parameters
    ----------
    loan
        Where the memory of long ones comes from.
    """

    def __init__(self, loan: Loan) -> None:
        self._loan = loan
        self._limit = 0
        self._guess = _FIRST_BUFFER_BYTES
        self._memory = bytearray()
        self._filled = 0

    def begin(self, limit: int) -> None:
        """Begin with a data set of which at most `limit` bytes are taken."""
        self._limit, self._filled = limit, 0

    def read(self, reader: PduReader, count: int) -> None:
        """Read the next `count` bytes; raise ConnectionAbortedError where they are too many."""
        end = self._filled + count
        if end > self._limit:
            LOGGER.warning("connection closed: data set longer than %d bytes", self._limit)
            raise ConnectionAbortedError("data set too long")
        if end > len(self._memory):
            self._grow(min(max(end, 2 * len(self._memory), self._guess), self._limit))
        with memoryview(self._memory) as view, view[self._filled : end] as part:
            reader.fill(part)
        self._filled = end

    def content(self) -> memoryview:
        """Return what arrived; it is to be released before `end`."""
        return memoryview(self._memory)[: self._filled].toreadonly()

    def end(self) -> None:
        """Forget what arrived; memory beyond what a common image needs goes back."""
        # The last one is a good guess of the next.
        self._guess = min(max(self._filled, _FIRST_BUFFER_BYTES), OWN_BYTES)
        self._filled = 0
        if len(self._memory) > _KEPT_BUFFER_BYTES:
            self._memory = bytearray()
        self._loan.release()

    def _grow(self, wanted: int) -> None:
        try:
            self._loan.hold(wanted)
        except ConnectionAbortedError as error:
            LOGGER.warning("connection closed: %s", error)
            raise
        grown = bytearray(wanted)
        with memoryview(self._memory) as arrived:
            grown[: self._filled] = arrived[: self._filled]
        self._memory = grown
