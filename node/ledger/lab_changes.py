"""What the results of one message change among what is known of their patient."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from node.labs.instants import is_later
from node.labs.observation import AcceptedValue
from node.ledger.lab_copies import Copies
from node.ledger.lab_records import Entered, LabState, WithdrawnResult
from node.ledger.lab_void import Known, Row

logger = logging.getLogger(__name__)

_CONTENT: Final = (
    *("analyte", "value", "comparator", "unit", "original_value", "original_unit"),
    *("collected_at", "code", "result_key"),
)
"""Columns of what a result says; it says it again where they are equal."""


@dataclass(frozen=True)
class Fate:
    """What becomes of a row: its state, and whether the laboratory's word did that, and of when that is."""

    state: LabState
    correction: bool
    stated_at: str


@dataclass
class Changes:
    """Rows to insert and to change; a message is looked at in its order.

    Parameters
    ----------
    known
        What the sender has said of the patient until now.
    in_order
        The sender's results come as they are now; HL7 messages overtake each other.
    copies
        What other senders have said of the patient until now.
    """

    known: Known
    in_order: bool
    copies: Copies = field(default_factory=Copies)
    fresh: list[dict[str, object]] = field(default_factory=list)
    fates: dict[int, Fate] = field(default_factory=dict)
    kept_back: list[WithdrawnResult] = field(default_factory=list)
    entered: Entered = field(default_factory=Entered)

    def withdraw(self, taken_back: WithdrawnResult) -> None:
        """Take back a result, also one of the same specimen where none is known under its key."""
        day = taken_back.collected_at[:10]
        same = self.known.of_result(taken_back.analyte.value, taken_back.key, taken_back.specimen_at)
        found = [row for row in self._current(same) if not day or row["collected_at"][:10] == day]
        copies = self._current(list(self.copies.withdrawn_with(taken_back, found)))
        void = [row["number"] for row in (*found, *copies)]
        self.fates |= dict.fromkeys(void, Fate(LabState.WITHDRAWN, True, taken_back.stated_at))
        self.entered += Entered(withdrawn=len(void))
        if found and taken_back.because:
            logger.warning("value withdrawn because=%s", taken_back.because)
        by_key = any(row["result_key"] == taken_back.key for row in same)
        # What has found its own does not mean another order of the specimen, which may state it anew.
        self.kept_back.append(replace(taken_back, specimen_at="") if by_key else taken_back)
        self._tell_copies(copies)
        if not (same or copies) and taken_back.expected:
            self._tell_unmatched("withdrawal", taken_back.analyte.value)

    def void(self, stated: WithdrawnResult) -> None:
        """Take out of use what a result said before that is now stated without a readable value."""
        day = stated.collected_at[:10]
        same = self.known.of_result(stated.analyte.value, stated.key, "")
        for row in self._current(same):
            of_day = not day or row["collected_at"][:10] == day
            if of_day and not is_later(row["stated_at"], stated.stated_at):
                self.fates[row["number"]] = Fate(LabState.REPLACED, row["correction"], row["stated_at"])
                self.entered += Entered(withdrawn=1)
                logger.warning("value not used any more because=%s", stated.because)

    def reopen(self, stated: WithdrawnResult) -> None:
        """Take a final result out of use that the laboratory surely says later is not final.

        HL7 v2.5.1, 7.4.2.11: a final result is changed by C, D or W. A preliminary one without a later time has
        been overtaken on its way, and the final one stands.
        """
        for row in self._current(self.known.of_result(stated.analyte.value, stated.key, "")):
            if row["collected_at"][:10] not in ("", stated.collected_at[:10]):
                continue
            if is_later(stated.stated_at, row["stated_at"]):
                self.fates[row["number"]] = Fate(LabState.REPLACED, row["correction"], stated.stated_at)
                self.entered += Entered(withdrawn=1)
                logger.warning("value not used any more because=%s", stated.because)
            else:
                logger.warning("result stated as not final, the final one stands analyte=%s", row["analyte"])

    def accept(self, value: AcceptedValue) -> None:
        """Take a result, unless what is known says that it is void."""
        own = _own(value)
        same = self.known.of_result(value.analyte.value, value.key, value.collected_at if value.correction else "")
        earlier = self._current(same)
        said = [row["number"] for row in earlier if all(row[name] == own[name] for name in _CONTENT)]
        if said:
            if value.correction:
                self.fates |= dict.fromkeys(said, Fate(LabState.CURRENT, True, value.stated_at))
            self.entered += Entered(unchanged=1)
            return
        if self.known.is_stale(value) if self.in_order else self.known.is_void(value):
            logger.info("result not used, a later word on it is known analyte=%s", value.analyte)
            self.entered += Entered(unchanged=1)
            return
        if self.copies.is_void(value):
            logger.warning("result not used, another source corrected or withdrew it analyte=%s", value.analyte)
            self.entered += Entered(unchanged=1)
            return
        copies = self._current(list(self.copies.replaced_by(value, earlier))) if value.correction else []
        self._tell_copies(copies)
        if value.correction and not (same or copies) and not self.in_order:
            self._tell_unmatched("correction", value.analyte.value)
        # Order numbers are used again: without the word of the laboratory another day is another result.
        day = value.collected_at[:10]
        replaced = [row for row in earlier if value.correction or row["collected_at"][:10] == day]
        for row in (*replaced, *copies):
            decided = (True, value.stated_at) if value.correction else (row["correction"], row["stated_at"])
            self.fates[row["number"]] = Fate(LabState.REPLACED, *decided)
        # A part may hold a result and its correction: the last one counts.
        self.fresh = [
            row
            for row in self.fresh
            if (row["analyte"], row["result_key"]) != (own["analyte"], own["result_key"])
            or not (value.correction or str(row["collected_at"])[:10] == day)
        ]
        self.fresh.append(own)
        self.entered += Entered(replaced=1) if replaced else Entered(new=1)

    def _current(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that count, after the changes so far."""
        gone = {number for number, fate in self.fates.items() if fate.state is not LabState.CURRENT}
        return [row for row in rows if row["state"] == LabState.CURRENT.value and row["number"] not in gone]

    def _tell_copies(self, copies: Sequence[Row]) -> None:
        for row in copies:
            logger.warning("value of another source not used any more analyte=%s", row["analyte"])

    def _tell_unmatched(self, what: str, analyte: str) -> None:
        logger.warning("%s of a result that is not known under its order or specimen analyte=%s", what, analyte)
        self.entered += Entered(unmatched=1)


def _own(value: AcceptedValue) -> dict[str, object]:
    return {
        "analyte": value.analyte.value,
        "value": value.value,
        "comparator": value.comparator,
        "unit": value.unit,
        "original_value": value.original_value,
        "original_unit": value.original_unit,
        "collected_at": value.collected_at,
        "code": value.code,
        "result_key": value.key,
        "correction": value.correction,
        "stated_at": value.stated_at,
    }
