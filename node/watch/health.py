"""Is the node alive, and could it take a study to its end right now? One entry a dependency."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from node.ledger.delivery_records import Contact
from node.ledger.ledger import Ledger

PULSE_TIMEOUT_S = 60.0
"""Without a tick of the scheduler for so long, the process hangs, s."""


@dataclass(frozen=True)
class Dependency:
    """What one dependency says.

    Parameters
    ----------
    detail
        One sentence: how it stands, or what is wrong.
    """

    ok: bool
    detail: str


Check = Callable[[], Dependency]


class Health:
    """Liveness by a pulse, readiness by dependencies.

    Parameters
    ----------
    checks
        By name of the dependency; each is quick, and raises nothing.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, checks: Mapping[str, Check], monotonic_s: Callable[[], float]) -> None:
        self._checks = dict(checks)
        self._monotonic_s = monotonic_s
        self._pulse_s = monotonic_s()

    def pulse(self) -> None:
        """Show that the scheduler ticks; called by it again and again."""
        self._pulse_s = self._monotonic_s()

    def live(self) -> Dependency:
        """Return whether the process does its rounds."""
        silent_s = self._monotonic_s() - self._pulse_s
        return Dependency(silent_s < PULSE_TIMEOUT_S, f"last tick {silent_s:.0f} s ago")

    def ready(self) -> Mapping[str, Dependency]:
        """Return how each dependency stands."""
        return {name: check() for name, check in self._checks.items()}


def storage_check(storage: Path, minimum_free_bytes: int, low_disk_bytes: int = 0) -> Check:
    """Return a check of the free space of the inbox.

    Parameters
    ----------
    minimum_free_bytes
        Below it nothing is received.
    low_disk_bytes
        Below it the node works, and says that it will not for long.
    """

    def check() -> Dependency:
        try:
            free = shutil.disk_usage(storage).free
        except OSError as error:
            return Dependency(False, f"the storage folder cannot be used: {error.strerror}")
        words = f"{free / 1e9:.1f} GB free, {minimum_free_bytes / 1e9:.1f} GB needed"
        if minimum_free_bytes <= free < low_disk_bytes:
            words += f"; less than {low_disk_bytes / 1e9:.1f} GB, what may be deleted goes early"
        return Dependency(free >= minimum_free_bytes, words)

    return check


def ledger_check(ledger: Ledger) -> Check:
    """Return a check that the ledger answers."""

    def check() -> Dependency:
        try:
            studies = sum(ledger.studies.count().values())
        except SQLAlchemyError as error:
            return Dependency(False, f"the ledger does not answer ({type(error).__name__})")
        return Dependency(True, f"{studies} studies")

    return check


def peers_check(ledger: Ledger, receivers: Sequence[str]) -> Check:
    """Return a check that tells how the last contact with each peer ended.

    It never fails: what a peer does not take waits, and a node that is taken out of service for the sake of one
    PACS would receive nothing for the others.
    """

    def check() -> Dependency:
        try:
            contacts = ledger.contacts.all()
        except SQLAlchemyError:
            return Dependency(True, "the ledger does not say")
        words = [f"{name}: {_contact_words(contacts.get(name))}" for name in receivers]
        return Dependency(True, "; ".join(words) or "none receives results")

    return check


def _contact_words(contact: Contact | None) -> str:
    if contact is None:
        return "not contacted yet"
    if contact.error is None:
        return "reached"
    return "refuses" if contact.parked else "not reached, its results wait"


def running_check(what: str, is_running: Callable[[], bool]) -> Check:
    """Return a check that a part of the node runs."""

    def check() -> Dependency:
        running = is_running()
        return Dependency(running, f"{what} runs" if running else f"{what} does not run; see the log")

    return check
