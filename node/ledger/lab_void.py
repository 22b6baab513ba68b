"""Whether what a source has said of a result before makes a statement of it void."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.labs.instants import is_later
from node.labs.observation import AcceptedValue
from node.ledger.lab_records import LabState

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Known:
    """What one sender has said of a patient until now.

    Parameters
    ----------
    rows
        Its values, whatever became of them.
    taken_back
        What it took back; that may have come before the result itself.
    until
        When a message was first received that is judged anew: what came since then stands.
    """

    rows: Sequence[Row] = ()
    taken_back: Sequence[Row] = ()
    until: datetime | None = None

    def of_result(self, analyte: str, key: str, specimen_at: str) -> list[Row]:
        """Return the rows of a result; where its key is not known, of its specimen with its time."""
        rows = [row for row in self.rows if row["analyte"] == analyte and not self._came_since(row)]
        found = [row for row in rows if row["result_key"] == key]
        return found or [row for row in rows if is_specimen(specimen_at, row["collected_at"])]

    def is_stale(self, value: AcceptedValue) -> bool:
        """Tell whether a server has surely said something later of this result: a copy of it lags behind."""
        of_key = [row for row in (*self.rows, *self.taken_back) if row["result_key"] == value.key]
        return any(
            row["analyte"] == value.analyte.value and is_later(row["stated_at"], value.stated_at) for row in of_key
        )

    def is_void(self, value: AcceptedValue) -> bool:
        """Tell whether the last word on a result is another than this, in whatever order they came."""
        own = [row for row in self.rows if _concerns(row, value, _specimen_of(row))]
        back = [row for row in self.taken_back if _concerns(row, value, row["specimen_at"])]
        return any(self._decides(row, value) for row in own) or any(self._voids(row, value) for row in back)

    def _decides(self, row: Row, value: AcceptedValue) -> bool:
        """Tell whether a row has the last word on what `value` says, as a correction or withdrawal."""
        of_day = row["collected_at"][:10] == value.collected_at[:10]
        if self._came_since(row) and (of_day or row["correction"] or value.correction):
            return True
        if of_day and is_later(row["stated_at"], value.stated_at):
            return True
        withdrawn = row["state"] == LabState.WITHDRAWN.value
        if not (row["correction"] or withdrawn):
            return False
        # A correction may have mended the day; a specimen of after its receipt is another.
        if not of_day and (withdrawn or value.correction or _is_taken_after(value, row["changed_at"])):
            return False
        return _has_last_word(row, value)

    def _voids(self, row: Row, value: AcceptedValue) -> bool:
        day = row["collected_at"][:10]
        if day and day != value.collected_at[:10]:
            return False
        if self._came_since(row):
            return True
        if not day and _is_taken_after(value, row["received_at"]):
            return False
        return _has_last_word(row, value)

    def _came_since(self, row: Row) -> bool:
        return bool(self.until is not None and row["received_at"] > self.until)


def is_specimen(specimen_at: str, collected_at: str) -> bool:
    """Tell whether two results are of one specimen; a day alone names none."""
    return "T" in specimen_at and specimen_at == collected_at


def _concerns(row: Row, value: AcceptedValue, specimen_at: str) -> bool:
    if row["analyte"] != value.analyte.value:
        return False
    return row["result_key"] == value.key or is_specimen(specimen_at, value.collected_at)


def _specimen_of(row: Row) -> str:
    """Return the specimen by which a row may concern a result of another key; withdrawals are kept apart."""
    return "" if row["state"] == LabState.WITHDRAWN.value else str(row["collected_at"])


def _has_last_word(row: Row, value: AcceptedValue) -> bool:
    """Tell whether what a row says of a result is not earlier; of two corrections, whether it is surely later."""
    if value.correction:
        return is_later(row["stated_at"], value.stated_at)
    return not is_later(value.stated_at, row["stated_at"])


def _is_taken_after(value: AcceptedValue, received_at: datetime) -> bool:
    return value.collected_at[:10] > received_at.astimezone().date().isoformat()
