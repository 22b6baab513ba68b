"""When a laboratory value makes a result be issued again: a correction always, a late one for a while."""

import logging
from datetime import timedelta

from config.analytes import DateWindow
from node.labs.study_values import values_of_study
from node.ledger.lab_records import LabState
from node.ledger.lab_uses import LabUse
from node.ledger.ledger import Ledger
from node.states import Event, StudyState, sources
from pipeline.study import Analyte

logger = logging.getLogger(__name__)


class Reissue:
    """Looks at the studies whose patient has other values than at their result; call `check` again and again.

    Parameters
    ----------
    window
        How far a specimen may lie from the images.
    wait_h
        Values that arrive within this time after the first result of the images re-issue it, h.
    settle_s
        Quiet time after which values that are still not complete re-issue a result, s: panels come in parts.
    """

    def __init__(self, ledger: Ledger, window: DateWindow, *, wait_h: float, settle_s: float) -> None:
        self._ledger = ledger
        self._window = window
        self._wait = timedelta(hours=wait_h)
        self._settle = timedelta(seconds=settle_s)

    def check(self) -> int:
        """Make ready what must be issued again; return how many studies."""
        return sum(self._check(use) for use in self._ledger.lab_uses.changed())

    def _check(self, use: LabUse) -> bool:
        if use.state is not StudyState.PURGED:
            return self._look(use)
        because = "values changed, and the images that the result needs are deleted: send them again"
        self._ledger.lab_uses.settled(use, because)
        return False

    def _look(self, use: LabUse) -> bool:
        if use.state not in sources(Event.VALUES) or use.result_at is None or use.changed_at is None:
            return False
        found = values_of_study(self._ledger.labs, use.patient, use.examined, self._window).chosen
        if not use.has_risk or found == dict(use.chosen):
            self._ledger.lab_uses.settled(use)
            return False
        lost = self._lost(use)
        if lost:
            return self._again(use, f"a value that was used is no longer valid: {', '.join(lost)}")
        if use.changed_at - use.result_at > self._wait:
            self._ledger.lab_uses.settled(
                use, "values came later than labs_wait_h; `mvi-node studies retry` uses them"
            )
            return False
        quiet = self._ledger.clock() - use.changed_at >= self._settle
        if not (quiet or len(found) == len(Analyte)):
            return False
        return self._again(use, f"laboratory values came: {', '.join(sorted(found))}")

    def _lost(self, use: LabUse) -> list[str]:
        """Return the used values that a correction replaced or the laboratory withdrew."""
        if len(use.chosen) < len(Analyte):
            return []  # Values that are not complete are not used.
        gone = self._ledger.labs.values(use.patient, states=[LabState.REPLACED, LabState.WITHDRAWN])
        numbers = {row.number for row in gone}
        return sorted(analyte for analyte, number in use.chosen.items() if number in numbers)

    def _again(self, use: LabUse, because: str) -> bool:
        again = self._ledger.lab_uses.reissue(use, because)
        if again:
            logger.info("result is issued again study=%s because=%s", use.study_instance_uid, because)
        return again
