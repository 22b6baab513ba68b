"""The last word of one message on each result: a correction counts more than what it corrects."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from node.labs.instants import is_later
from node.labs.observation import AcceptedValue, RefusedObservationError
from node.ledger.lab_records import WithdrawnResult

Said = AcceptedValue | WithdrawnResult
_TWO_VALUES = "the message holds two values of this result"
_UNREADABLE = "the message holds this result a second time, and that cannot be read"


@dataclass
class LastWords:
    """What a message says of the results of one patient, taken in its order."""

    _said: list[tuple[str, Said]] = field(default_factory=list)
    _contradicted: list[tuple[str, AcceptedValue]] = field(default_factory=list)
    _unreadable: list[WithdrawnResult] = field(default_factory=list)

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
        plain = [said for _, said in self._said if _is_stated_twice(said, value)]
        if any(_content(said) != _content(value) for said in plain):
            self._contradicted.append((where, value))
        elif not any(said.key == value.key for said in plain):
            self._said.append((where, value))

    def doubt(self, _where: str, stated: WithdrawnResult) -> None:
        """Take note of a final result of which no value can be read: what else is said of it is in doubt."""
        self._unreadable.append(stated)

    def values(self) -> list[AcceptedValue]:
        """Return the values that count."""
        return [
            value for _, value in self._values() if not (self._is_contradicted(value) or self._is_unread(value))
        ]

    def withdrawn(self) -> list[WithdrawnResult]:
        """Return what is taken back."""
        return [said for _, said in self._said if isinstance(said, WithdrawnResult)]

    def voided(self) -> list[WithdrawnResult]:
        """Return the results that are stated without a value that counts: an earlier one does not either."""
        doubtful = [value for _, value in self._values() if self._is_contradicted(value) or self._is_unread(value)]
        doubtful += [value for _, value in self._contradicted]
        because = "the laboratory stated it anew without a readable value"
        void = [
            WithdrawnResult(item.analyte, item.key, item.collected_at, item.stated_at, because)
            for item in doubtful
        ]
        certain = self.values()
        alone = [item for item in self._unreadable if not any(_is_same(item, value) for value in certain)]
        return [item for item in (*void, *alone) if not any(_is_same(item, value) for value in certain)]

    def contradictions(self) -> Iterator[RefusedObservationError]:
        """Give a refusal for each final result of which the message gives another value, or none, as well."""
        for where, value in self._contradicted:
            yield RefusedObservationError("LAB-TWICE", where, _TWO_VALUES, value.analyte)
        for where, value in self._values():
            if self._is_unread(value) and not self._is_contradicted(value):
                yield RefusedObservationError("LAB-TWICE", where, _UNREADABLE, value.analyte)

    def _values(self) -> list[tuple[str, AcceptedValue]]:
        return [(where, said) for where, said in self._said if isinstance(said, AcceptedValue)]

    def _is_contradicted(self, value: AcceptedValue) -> bool:
        return not value.correction and any(_is_stated_twice(value, other) for _, other in self._contradicted)

    def _is_unread(self, value: AcceptedValue) -> bool:
        return not value.correction and any(
            _is_same(value, other) and not is_later(value.stated_at, other.stated_at) for other in self._unreadable
        )


def _is_same(said: Said, other: Said) -> bool:
    """Tell whether two items are of one result; one that is taken back may be so of one day alone."""
    if (said.analyte, said.key) != (other.analyte, other.key):
        return False
    days = {said.collected_at[:10], other.collected_at[:10]} - {""}
    return len(days) < 2 or not (isinstance(said, WithdrawnResult) or isinstance(other, WithdrawnResult))


def _is_stated_twice(said: Said, value: AcceptedValue) -> bool:
    """Tell whether two final results are one: by their key and day, or by the code and time of their specimen."""
    if not isinstance(said, AcceptedValue) or said.correction or said.analyte != value.analyte:
        return False
    if said.key == value.key:
        return said.collected_at[:10] == value.collected_at[:10]
    return said.code == value.code and "T" in value.collected_at and said.collected_at == value.collected_at


def _content(said: Said) -> tuple[object, ...]:
    return (said.value, said.comparator) if isinstance(said, AcceptedValue) else ()
