"""The upper layer provider of pynetdicom, woken by what happens instead of looking every millisecond."""

import logging
import os
import select
import threading
from contextlib import suppress

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.transport import T_CONNECT

from dicom_io.network.transport import GuardedSocket

LOGGER = logging.getLogger(__name__)

_REASON_NOT_SPECIFIED = 0x00
"""Of an A-P-ABORT (PS3.8 9.3.8)."""
_LOOK_ROUND_S = 0.1
"""How late a timer of the state machine may be noticed, s."""
_LOOK_FOR_ROOM_S = 0.005
"""While requests wait to be served and nothing is read, s."""


class Wakeup:
    """A pipe that one thread waits on and others write to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Make the pipe."""
        ends = os.pipe()
        for end in ends:
            os.set_blocking(end, False)
        self._ends = ends

    def close(self) -> None:
        """Close the pipe; `ring` does nothing from now on."""
        with self._lock:
            ends, self._ends = self._ends, None
        for end in ends or ():
            os.close(end)

    def ring(self) -> None:
        """End the wait of the other thread, or its next one."""
        with self._lock, suppress(BlockingIOError):  # Full: it will wake all the same.
            if self._ends is not None:
                os.write(self._ends[1], b"!")

    def wait(self, *, beside: int | None, timeout_s: float) -> None:
        """Wait for a ring, or until the descriptor `beside` can be read; only one thread calls this."""
        if self._ends is None:
            return
        watch = select.poll()
        watch.register(self._ends[0], select.POLLIN)
        if beside is not None:
            watch.register(beside, select.POLLIN)
        if any(descriptor == self._ends[0] for descriptor, _ in watch.poll(timeout_s * 1000)):
            with suppress(BlockingIOError):
                os.read(self._ends[0], 4096)


class GuardedProvider(DULServiceProvider):
    """Sleeps until there is something to do, and keeps a fault of its own inside its association."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.daemon = True
        self._run_loop_delay = 0.0
        self._wakeup = Wakeup()

    def run(self) -> None:
        """Run the reactor.

        The state machine raises on event orders that a peer, or a shutdown, can bring about (an answer for an
        association that was aborted meanwhile); pynetdicom lets the thread die with a traceback and the socket
        open.
        """
        self._wakeup.open()
        try:
            super().run()
        except Exception as error:
            LOGGER.warning("association ended: %s", error)
            with suppress(OSError):
                if isinstance(self.socket, GuardedSocket):
                    self.socket._shutdown_socket()
            # Who waits for an answer of the peer, to a release for example, would wait for the whole time-out.
            abort = A_P_ABORT()
            abort.provider_reason = _REASON_NOT_SPECIFIED
            self.to_user_queue.put(abort)
        finally:
            self._wakeup.close()

    def wake(self) -> None:
        """Let it look at its queues."""
        self._wakeup.ring()

    def send_pdu(self, primitive: "T_CONNECT | object") -> None:
        """Take a primitive to be sent, and send it at once."""
        super().send_pdu(primitive)  # type: ignore[arg-type]  # pynetdicom's own union is private.
        self.wake()

    def kill_dul(self) -> None:
        """End the thread."""
        super().kill_dul()
        self.wake()

    def stop_dul(self) -> bool:
        """End the thread where the state machine is idle, and return whether it is."""
        if self.state_machine.current_state != "Sta1":
            self.wake()
            return False
        self.kill_dul()
        if threading.current_thread() is not self:
            self.join()
        return True

    def _is_transport_event(self) -> bool:
        # In Sta13 pynetdicom takes "nothing to read" as the sign to close; there is nothing to wait for.
        if self.state_machine.current_state != "Sta13" and self.event_queue.empty():
            self._await_something()
        return super()._is_transport_event()

    def _await_something(self) -> None:
        transport = self.socket
        if not isinstance(transport, GuardedSocket):
            self._wakeup.wait(beside=None, timeout_s=_LOOK_ROUND_S)
        elif not transport.ready:
            beside = transport.watched()
            full = transport.is_full
            self._wakeup.wait(beside=beside, timeout_s=_LOOK_FOR_ROOM_S if full else _LOOK_ROUND_S)
