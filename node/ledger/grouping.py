"""Instances that arrive at once, entered in one transaction: each commit waits for the disk, and one is enough.

It happens on a thread of its own, while the threads that brought them wait for the disk to keep the files. A crash
in between may leave an entry without its file, which the next start takes out again; it was not acknowledged,
since that waits for both.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from node.ledger.records import InstanceRecord, Recorded

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
    """

    def __init__(self, record_group: RecordGroup) -> None:
        self._record_group = record_group
        self._thread = ThreadPoolExecutor(1, "intake")
        self._waiting: SimpleQueue[_Entry] = SimpleQueue()

    def begin(self, instance: InstanceRecord) -> Future[Recorded]:
        """Have one instance entered; doing it twice changes nothing.

        Returns
        -------
        Future
            What it was, once that is durable; or SQLAlchemyError, where the database does not answer, or
            LedgerError, where it does not take this instance.
        """
        entry = _Entry(instance)
        self._waiting.put(entry)
        self._thread.submit(self._enter_waiting)
        return entry.found

    def _enter_waiting(self) -> None:
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
