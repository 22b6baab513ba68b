"""One specimen known from several sources: what one source takes back counts no more as sent by another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from node.labs.instants import is_later
from node.labs.observation import AcceptedValue
from node.ledger.lab_records import LabState, WithdrawnResult
from node.ledger.lab_void import Row


@dataclass(frozen=True)
class Copies:
    """What other senders than that of a message have said of its patient.

    A copy is a result of the same analyte and specimen, known by its time; where a source names the day alone, as
    a file does, by its day and value.

    Parameters
    ----------
    rows
        Their values, whatever became of them.
    taken_back
        What they took back.
    """

    rows: Sequence[Row] = ()
    taken_back: Sequence[Row] = ()

    def is_void(self, value: AcceptedValue) -> bool:
        """Tell whether another source has corrected or withdrawn what `value` says.

        Of two corrections the later counts. Otherwise no time of statement decides: a server that mirrors a
        laboratory says the old value after its correction.
        """
        decided = [row for row in self._of(value.analyte.value) if row["correction"]]
        if value.correction:
            later = [row for row in self._current(decided) if is_later(row["stated_at"], value.stated_at)]
            return any(is_one_specimen(row["collected_at"], value.collected_at) for row in later)
        back = [row for row in self.taken_back if row["analyte"] == value.analyte.value]
        return any(_speaks_against(row, value) for row in decided) or any(
            is_one_specimen(row["specimen_at"], value.collected_at) for row in back
        )

    def replaced_by(self, value: AcceptedValue, own: Sequence[Row]) -> Iterator[Row]:
        """Give the copies of what a correction replaces.

        Parameters
        ----------
        own
            What it replaces of its own sender; where that is nothing, whatever has its day alone is meant.
        """
        for row in self._current(self._of(value.analyte.value)):
            if row["correction"] and is_later(row["stated_at"], value.stated_at):
                continue
            of_day = _has_day_alone(row["collected_at"], value.collected_at)
            meant = not own or any(_is_equal(row, its) for its in own)
            of_specimen = is_one_specimen(row["collected_at"], value.collected_at)
            if (row["value"], row["comparator"]) != (value.value, value.comparator) and (
                of_specimen or (of_day and meant)
            ):
                yield row

    def withdrawn_with(self, taken_back: WithdrawnResult, own: Sequence[Row]) -> Iterator[Row]:
        """Give the copies of what is withdrawn.

        Parameters
        ----------
        own
            What is withdrawn of its own sender; where that is nothing, the specimen decides.
        """
        for row in self._current(self._of(taken_back.analyte.value)):
            copied = any(
                _is_equal(row, its)
                and (
                    is_one_specimen(row["collected_at"], its["collected_at"])
                    or _has_day_alone(row["collected_at"], its["collected_at"])
                )
                for its in own
            )
            if copied or (not own and is_one_specimen(row["collected_at"], taken_back.specimen_at)):
                yield row

    def _of(self, analyte: str) -> list[Row]:
        return [row for row in self.rows if row["analyte"] == analyte]

    def _current(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row["state"] == LabState.CURRENT.value]


def is_one_specimen(instant: str, other: str) -> bool:
    """Tell whether two times are those of one specimen; one of two sources may leave the zone out."""
    if not (_has_time(instant) and _has_time(other)):
        return False
    mine, theirs = datetime.fromisoformat(instant), datetime.fromisoformat(other)
    if mine.tzinfo is not None and theirs.tzinfo is not None:
        return mine == theirs
    return mine.replace(tzinfo=None) == theirs.replace(tzinfo=None)


def _has_time(instant: str) -> bool:
    # Midnight is what systems write that know the day alone.
    return "T" in instant and datetime.fromisoformat(instant).time() != time.min


def _has_day_alone(instant: str, other: str) -> bool:
    return not _has_time(instant) and instant[:10] == other[:10]


def _is_equal(row: Row, other: Row) -> bool:
    return bool((row["value"], row["comparator"]) == (other["value"], other["comparator"]))


def _speaks_against(row: Row, value: AcceptedValue) -> bool:
    """Tell whether a row that was corrected or withdrawn, or is a correction, makes a copy of it void."""
    equal = (row["value"], row["comparator"]) == (value.value, value.comparator)
    of_specimen = is_one_specimen(row["collected_at"], value.collected_at)
    if row["state"] == LabState.CURRENT.value:
        return of_specimen and not equal
    return equal and (of_specimen or _has_day_alone(value.collected_at, row["collected_at"]))
