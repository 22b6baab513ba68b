"""The audit of one running node: its start and stop, its settings, and what follows from the ledger."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError
from config.settings import Settings
from node.audit.events import Action, AuditEvent, EventId, EventType, Participant, Role
from node.audit.follower import Follower
from node.audit.patients import Patients
from node.audit.repository import repository_connect
from node.audit.syslog import SyslogSender
from node.audit.trail import Trail
from node.ledger.changes import Changes
from node.ledger.ledger import Ledger

_SETTINGS = "settings sha256 "


class Recorder:
    """Writes the trail of one node, and sends it where the settings say so.

    Parameters
    ----------
    settings
        In force.
    clock
        Time of day, aware.

    Raises
    ------
    ConfigError
        The authority of the audit repository cannot be used.
    """

    def __init__(self, settings: Settings, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        storage = settings.node.storage
        self._trail = Trail(storage)
        self._ae_title = settings.node.ae_title
        self._settings_digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
        self._clock = clock
        changes = Changes(ledger.engine, clock)
        patients = Patients(storage, changes, self._trail)
        self._follower = Follower(self._trail, changes, self._ae_title, clock, patients.of_study)
        connect = repository_connect(settings)
        self._sender = connect and SyslogSender(self._trail, storage, connect, self._ae_title)

    def started(self) -> None:
        """Write that the node starts, and whether it starts with other settings than last time."""
        before = self._digest_of_last_start()
        self._activity(EventType.START, _SETTINGS + self._settings_digest)
        if before is not None and before != self._settings_digest:
            self._trail.append(
                AuditEvent(
                    EventId.SECURITY_ALERT,
                    self._clock(),
                    Action.EXECUTE,
                    (Participant(self._ae_title, Role.APPLICATION),),
                    EventType.SOFTWARE_CONFIGURATION,
                    detail="the settings are others than at the last start",
                )
            )

    def stopped(self) -> None:
        """Write what is new in the ledger, such as a purge a moment ago, and that the node stops."""
        # A ledger that is away keeps its news for the next start; that the node stops is written all the same.
        with suppress(NodeError, SQLAlchemyError):
            self._follower.follow()
        self._activity(EventType.STOP, "")

    def tick(self) -> None:
        """Write what is new in the ledger, and send what the repository has not got."""
        self._follower.follow()
        if self._sender is not None:
            self._sender.send()

    def _activity(self, kind: EventType, detail: str) -> None:
        self._trail.append(
            AuditEvent(
                EventId.APPLICATION_ACTIVITY,
                self._clock(),
                Action.EXECUTE,
                (Participant(self._ae_title, Role.APPLICATION),),
                kind,
                detail=detail,
            )
        )

    def _digest_of_last_start(self) -> str | None:
        starts = [record["detail"] for record in self._trail.records() if record["type"] == EventType.START.name]
        return str(starts[-1]).removeprefix(_SETTINGS) if starts else None
