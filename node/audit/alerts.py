"""Security alerts: associations that were rejected. An attacker makes many, and the trail must not grow so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from node.audit.events import Action, AuditEvent, EventId, EventType, Outcome, Participant, Role
from node.audit.trail import Trail

QUIET_S = 60.0
"""One event a host and reason in so many seconds; those between are counted, s."""
MAXIMUM_KINDS = 1000
"""Hosts and reasons that are told apart; further ones share one event."""
ELSEWHERE = "several hosts"
_THIS_MACHINE = frozenset({"127.0.0.1", "::1"})


@dataclass
class _Kind:
    since_s: float
    untold: int = 0


class Alerts:
    """Writes rejected associations into the trail, at a bounded pace.

    Parameters
    ----------
    ae_title
        Our own.
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s.
    on_alert
        Told the reason of each, those between included.
    """

    def __init__(
        self,
        trail: Trail,
        ae_title: str,
        clock: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        on_alert: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._trail = trail
        self._ae_title = ae_title
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._on_alert = on_alert
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def rejected(self, calling_ae_title: str, host: str, reason: str) -> None:
        """Note one rejected association; that of `doctor`, which asks whether we listen, is no alert."""
        if calling_ae_title.strip() == self._ae_title and host in _THIS_MACHINE:
            return
        self._on_alert(reason)
        now_s = self._monotonic_s()
        self._kinds = {
            key: kind for key, kind in self._kinds.items() if now_s - kind.since_s < QUIET_S or kind.untold
        }
        key = (host, reason)
        if key not in self._kinds and len(self._kinds) >= MAXIMUM_KINDS:
            key = (ELSEWHERE, reason)
        kind = self._kinds.get(key)
        if kind is not None and now_s - kind.since_s < QUIET_S:
            kind.untold += 1
            return
        more = kind.untold if kind is not None else 0
        self._kinds[key] = _Kind(now_s)
        self._trail.append(self._alert(calling_ae_title, key[0], reason, more))

    def _alert(self, calling_ae_title: str, host: str, reason: str, more: int) -> AuditEvent:
        words = reason.replace("_", " ")
        return AuditEvent(
            EventId.SECURITY_ALERT,
            self._clock(),
            Action.EXECUTE,
            (
                Participant(calling_ae_title.strip(), Role.SOURCE, host, is_requestor=True),
                Participant(self._ae_title, Role.DESTINATION),
            ),
            EventType.NODE_AUTHENTICATION,
            Outcome.MINOR_FAILURE,
            detail=f"association rejected: {words}" + (f"; {more} more in the minute before" if more else ""),
        )
