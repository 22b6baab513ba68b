"""Instances that arrive at once, entered in one transaction: each commit waits for the disk, and one is enough.

Their names in the inbox are made durable meanwhile. A crash in between may leave an entry without its file, which
the next start takes out again; neither was acknowledged, since that waits for both.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError
from node.ledger.records import InstanceRecord, Recorded

RecordGroup = Callable[[Sequence[InstanceRecord]], list[Recorded]]
"""Enters all of them or none, and says of each what it was; raises SQLAlchemyError or LedgerError."""
SyncNames = Callable[[Collection[str]], None]
"""Returns when the disk keeps the names of these paths of the inbox; raises InboxError."""


@dataclass
class _Entry:
    instance: InstanceRecord
    found: Recorded | None = None
    error: SQLAlchemyError | NodeError | None = None


class GroupedIntake:
    """Takes instances from several threads and enters those that wait together.

    Whoever comes first enters what is there; who comes meanwhile waits for the next turn.

    Parameters
    ----------
    record_group
        One transaction.
    sync_names
        Done at the same time on a thread of its own: one wait for the disk instead of two.
    """

    def __init__(self, record_group: RecordGroup, sync_names: SyncNames) -> None:
        self._record_group = record_group
        self._sync_names = sync_names
        self._beside = ThreadPoolExecutor(1, "inbox-names")
        self._waiting: list[_Entry] = []
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def record(self, instance: InstanceRecord) -> Recorded:
        """Enter one instance that was placed, durably, and its name; doing it twice changes nothing.

        Raises
        ------
        SQLAlchemyError
            The database does not answer.
        LedgerError
            Nor does it take this instance.
        InboxError
            The disk does not keep the name.
        """
        entry = _Entry(instance)
        with self._queue:
            self._waiting.append(entry)
        with self._turn:
            if entry.found is None and entry.error is None:
                with self._queue:
                    group, self._waiting = self._waiting, []
                self._keep(group)
        if entry.error is not None:
            raise entry.error
        if entry.found is None:
            raise RuntimeError("an instance was neither entered nor refused")
        return entry.found

    def _keep(self, group: list[_Entry]) -> None:
        synced = self._beside.submit(self._sync_names, [entry.instance.path for entry in group])
        self._enter(group)
        try:
            synced.result()
        except NodeError as error:
            for entry in group:
                entry.error = entry.error or error

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
