"""Instances that arrive at once, entered in one transaction: each commit waits for the disk, and one is enough."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError
from node.ledger.records import InstanceRecord, Recorded

RecordGroup = Callable[[Sequence[InstanceRecord]], list[Recorded]]
"""Enters all of them or none, and says of each what it was; raises SQLAlchemyError or LedgerError."""


@dataclass
class _Entry:
    instance: InstanceRecord
    found: Recorded | None = None
    error: SQLAlchemyError | NodeError | None = None


class GroupedIntake:
    """Takes instances from several threads and enters those that wait together.

    No thread of its own: whoever comes first enters what is there; who comes meanwhile waits for the next turn.

    Parameters
    ----------
    record_group
        One transaction.
    """

    def __init__(self, record_group: RecordGroup) -> None:
        self._record_group = record_group
        self._waiting: list[_Entry] = []
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def record(self, instance: InstanceRecord) -> Recorded:
        """Enter one instance, durably; doing it twice changes nothing.

        Raises
        ------
        SQLAlchemyError
            The database does not answer.
        LedgerError
            Nor does it take this instance.
        """
        entry = _Entry(instance)
        with self._queue:
            self._waiting.append(entry)
        with self._turn:
            if entry.found is None and entry.error is None:
                with self._queue:
                    group, self._waiting = self._waiting, []
                self._enter(group)
        if entry.error is not None:
            raise entry.error
        if entry.found is None:
            raise RuntimeError("an instance was neither entered nor refused")
        return entry.found

    def _enter(self, group: list[_Entry]) -> None:
        # In one order everywhere: two nodes that lock the same studies of one database must not wait in a circle.
        group.sort(key=lambda entry: entry.instance.study_instance_uid)
        try:
            for entry, found in zip(group, self._record_group([entry.instance for entry in group]), strict=True):
                entry.found = found
        except (SQLAlchemyError, NodeError) as error:
            if len(group) == 1:
                group[0].error = error
                return
            # What is wrong with one of them must not be the fault of the others.
            for entry in group:
                self._enter([entry])
