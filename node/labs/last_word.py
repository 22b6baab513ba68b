"""The last word of one message on each result: a correction counts more than what it corrects."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from node.labs.instants import is_later
from node.labs.observation import AcceptedValue, RefusedObservationError
from node.ledger.lab_records import WithdrawnResult

Said = AcceptedValue | WithdrawnResult


@dataclass
class LastWords:
    """What a message says of the results of one patient, taken in its order."""

    _said: list[tuple[str, Said]] = field(default_factory=list)
    _contradicted: list[tuple[str, AcceptedValue]] = field(default_factory=list)

    def withdraw(self, where: str, taken_back: WithdrawnResult) -> None:
        """Take back whatever the message said of a result before."""
        self._said = [item for item in self._said if not _is_same(item[1], taken_back)]
        self._said.append((where, taken_back))

    def correct(self, where: str, value: AcceptedValue) -> None:
        """Put a correction in the place of whatever the message said of a result before."""
        self._said = [
            item for item in self._said if isinstance(item[1], WithdrawnResult) or not _is_same(item[1], value)
        ]
        self._said.append((where, value))

    def state(self, where: str, value: AcceptedValue) -> None:
        """Take a final result, unless a correction or withdrawal beside it says otherwise."""
        same = [said for _, said in self._said if _is_same(said, value)]
        decided = [said for said in same if isinstance(said, WithdrawnResult) or said.correction]
        if any(not is_later(value.stated_at, said.stated_at) for said in decided):
            return
        plain = [
            said for said in same if said not in decided and said.collected_at[:10] == value.collected_at[:10]
        ]
        if not plain:
            self._said.append((where, value))
        elif any(_content(said) != _content(value) for said in plain):
            self._contradicted.append((where, value))

    def values(self) -> list[AcceptedValue]:
        """Return the values that count."""
        return [said for _, said in self._said if isinstance(said, AcceptedValue) and not self._is_doubtful(said)]

    def withdrawn(self) -> list[WithdrawnResult]:
        """Return what is taken back."""
        return [said for _, said in self._said if isinstance(said, WithdrawnResult)]

    def contradictions(self) -> Iterator[RefusedObservationError]:
        """Give a refusal for each final result of which the message gives another value as well."""
        for where, value in self._contradicted:
            because = "the message holds two values of this result"
            yield RefusedObservationError("LAB-TWICE", where, because, value.analyte)

    def _is_doubtful(self, value: AcceptedValue) -> bool:
        day = value.collected_at[:10]
        return not value.correction and any(
            _is_same(other, value) and other.collected_at[:10] == day for _, other in self._contradicted
        )


def _is_same(said: Said, other: Said) -> bool:
    """Tell whether two items are of one result; one that is taken back may be so of one day alone."""
    if (said.analyte, said.key) != (other.analyte, other.key):
        return False
    days = {said.collected_at[:10], other.collected_at[:10]} - {""}
    return len(days) < 2 or not (isinstance(said, WithdrawnResult) or isinstance(other, WithdrawnResult))


def _content(said: Said) -> tuple[object, ...]:
    return (said.value, said.comparator) if isinstance(said, AcceptedValue) else ()
