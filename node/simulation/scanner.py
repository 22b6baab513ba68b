"""The scanner: sends the waves of a play, aborts what the play aborts, and counts what the node took."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome, send_files
from node.simulation.play import Transfer, Wave, When

_TAKEN = (Disposition.DELIVERED, Disposition.WARNING)


class _AbortedOnPurposeError(Exception):
    """Leaves the association in a way that aborts it."""


@dataclass
class Sent:
    """What became of the instances of a play.

    Parameters
    ----------
    problems
        A sentence for each that it refused or that could not be sent; aborted on purpose is none.
    acknowledged
        Each file and when, on the clock of the scanner, s; again where it was sent again.
    """

    problems: list[str] = field(default_factory=list)
    acknowledged: list[tuple[Path, float]] = field(default_factory=list)

    @property
    def taken(self) -> frozenset[Path]:
        """Files that the node acknowledged."""
        return frozenset(path for path, _ in self.acknowledged)


class Scanner:
    """A storage SCU.

    Parameters
    ----------
    pause_s
        Before a late wave, s.
    monotonic_s
        A clock that never steps back, s.
    on_image
        Called for each answer of the node, on the thread of the association.
    until_answered
        Returns when the node has answered what was sent so far, or hope is lost.
    """

    def __init__(
        self,
        node: RemoteAE,
        ae_title: str,
        *,
        pause_s: float,
        monotonic_s: Callable[[], float],
        on_image: Callable[[], None] = lambda: None,
        until_answered: Callable[[], None] = lambda: None,
    ) -> None:
        self._node = node
        self._ae_title = ae_title
        self._pause_s = pause_s
        self._monotonic_s = monotonic_s
        self._on_image = on_image
        self._until_answered = until_answered
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Abort what is open, and send no more."""
        self._stopped.set()

    def send(self, waves: Sequence[Wave]) -> Sent:
        """Send the waves of a play.

        Raises
        ------
        PeerError
            The node cannot be reached any more, or refuses the association.
        """
        sent = Sent()
        for wave in waves:
            if wave.when is When.LATE:
                self._stopped.wait(self._pause_s)
            elif wave.when is When.ANSWERED:
                self._until_answered()
            with ThreadPoolExecutor(len(wave.transfers)) as pool:
                running = [pool.submit(self._transfer, transfer, sent) for transfer in wave.transfers]
                try:
                    for future in running:
                        future.result()
                except BaseException:
                    # Ctrl-C: without this the pool would wait until everything is sent.
                    self.stop()
                    raise
        return sent

    def _transfer(self, transfer: Transfer, sent: Sent) -> None:
        tried = 0

        def note(outcome: SendOutcome) -> None:
            nonlocal tried
            tried += 1
            if outcome.disposition in _TAKEN:
                sent.acknowledged.append((outcome.path, self._monotonic_s()))
            else:
                sent.problems.append(outcome.message)
            self._on_image()
            if self._stopped.is_set():
                raise _AbortedOnPurposeError
            if tried == transfer.abort_after:
                self._stopped.wait(transfer.stall_s)
                raise _AbortedOnPurposeError

        try:
            send_files(transfer.paths, self._node, calling_ae_title=self._ae_title, on_outcome=note)
        except _AbortedOnPurposeError:
            return
