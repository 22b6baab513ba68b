"""Instances that arrive at once, entered in one transaction: each commit waits for the disk, and one is enough.

It happens on a thread of its own, while the threads that brought them wait for the disk to keep the files. What
comes alone is entered at once; where several associations bring instances, each waits for others until the disk
has the first of their files, since a transaction costs more of the processor than an instance in it. A crash in
between may leave an entry without its file, which the next start takes out again; it was not acknowledged, since
that waits for both.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from node.ledger.records import InstanceRecord, Recorded

LATELY_S = 0.05
"""Of an association that brought an instance so lately the next one is worth waiting for, s."""

RecordGroup = Callable[[Sequence[InstanceRecord]], list[Recorded]]
"""Enters all of them or none, and says of each what it was; raises SQLAlchemyError or LedgerError."""


@dataclass(frozen=True)
class _Entry:
    instance: InstanceRecord
    found: Future[Recorded] = field(default_factory=Future)


class GroupedIntake:
    """Takes instances from several threads and enters those that wait together.

    Parameters
    ----------
    record_group
        One transaction.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, record_group: RecordGroup, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._record_group = record_group
        self._monotonic_s = monotonic_s
        self._thread = ThreadPoolExecutor(1, "intake")
        self._waiting: SimpleQueue[_Entry] = SimpleQueue()
        self._pressed = False
        self._last_by, self._last_s = 0, -math.inf

    def begin(self, instance: InstanceRecord) -> Future[Recorded]:
        """Have one instance entered, at once or at the next `press`; doing it twice changes nothing.

        Returns
        -------
        Future
            What it was, once that is durable; or SQLAlchemyError, where the database does not answer, or
            LedgerError, where it does not take this instance.
        """
        entry = _Entry(instance)
        self._waiting.put(entry)
        if self._is_alone():
            self.press()
        return entry.found

    def press(self) -> None:
        """Enter what waits; to be called for each instance, once the disk has its file or has refused it."""
        if not (self._pressed or self._waiting.empty()):
            self._pressed = True
            self._thread.submit(self._enter_waiting)

    def _is_alone(self) -> bool:
        """Say whether no other thread brought an instance just before this one."""
        by, now_s = threading.get_ident(), self._monotonic_s()
        alone = by == self._last_by or now_s - self._last_s > LATELY_S
        self._last_by, self._last_s = by, now_s
        return alone

    def _enter_waiting(self) -> None:
        self._pressed = False  # Before it looks: who presses from now on may have come too late for it.
        group = []
        try:
            while True:
                group.append(self._waiting.get_nowait())
        except Empty:
            pass
        if group:
            self._enter(group)

    def _enter(self, group: list[_Entry]) -> None:
        # In one order everywhere: two nodes that lock the same studies of one database must not wait in a circle.
        group.sort(key=lambda entry: entry.instance.study_instance_uid)
        try:
            found = self._record_group([entry.instance for entry in group])
        except Exception as error:  # Whatever it is, somebody waits for each of them.
            if len(group) == 1:
                group[0].found.set_exception(error)
                return
            # What is wrong with one of them must not be the fault of the others.
            for entry in group:
                self._enter([entry])
        else:
            for entry, one in zip(group, found, strict=True):
                entry.found.set_result(one)
