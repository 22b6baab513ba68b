"""How much memory data sets on their way in may take together, however many associations send at once."""

import threading

OWN_BYTES = 8 * 1024 * 1024
"""Of each association, there at once: an MR image with its header has a tenth of it."""
SHARED_BYTES = 320 * 1024 * 1024
"""For what is longer, of all associations together: one data set of the longest kind, and a few long ones."""


class ReceivingMemory:
    """What associations share beyond their own part.

    Peers that leave long data sets unfinished can thus keep long data sets of others waiting, until the network
    time-out ends their associations, and no ordinary image at all.
    """

    def __init__(self, own_bytes: int = OWN_BYTES, shared_bytes: int = SHARED_BYTES) -> None:
        self.own_bytes = own_bytes
        self._left = shared_bytes
        self._changed = threading.Condition()

    def take(self, count: int, timeout_s: float) -> bool:
        """Take `count` shared bytes, waiting for them where others have them; return whether they are there."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._left >= count, timeout_s):
                return False
            self._left -= count
            return True

    def give_back(self, count: int) -> None:
        """Give back `count` shared bytes."""
        with self._changed:
            self._left += count
            self._changed.notify_all()


class Loan:
    """The memory of one association.

    Parameters
    ----------
    timeout_s
        How long it waits for others.
    """

    def __init__(self, memory: ReceivingMemory, timeout_s: float) -> None:
        self._memory = memory
        self._timeout_s = timeout_s
        self._shared = 0

    def hold(self, total_bytes: int) -> None:
        """Hold `total_bytes` from now on, and not less than before.

        Raises
        ------
        ConnectionAbortedError
            Others hold it and give nothing back.
        """
        more = total_bytes - self._memory.own_bytes - self._shared
        if more <= 0:
            return
        if not self._memory.take(more, self._timeout_s):
            raise ConnectionAbortedError("no memory: other long data sets are on their way")
        self._shared += more

    def release(self) -> None:
        """Hold nothing any more."""
        self._memory.give_back(self._shared)
        self._shared = 0
