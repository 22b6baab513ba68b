"""One fault: what is done to the node again and again, and how often it did not stand it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class FaultRecord:
    """What `build/faults.json` holds for each fault.

    Parameters
    ----------
    cases
        How often the fault was brought about; 0 where it could not be here, and `detail` says why.
    failed
        In how many of them the node did not keep its promise.
    detail
        In words: the figures, or the first failures.
    """

    name: str
    cases: int
    failed: int
    detail: str

    def document(self) -> dict[str, str | int]:
        """Return the entry of the JSON list."""
        return asdict(self)


@dataclass(frozen=True)
class Fault:
    """A fault that can be brought about.

    Parameters
    ----------
    run
        Takes an empty folder and a number of cases.
    cases
        In `make faults`.
    short
        In `make test`; 0 where it takes too long for that.
    peers
        Programs that it needs, by the names of `tests.conftest.PEERS`.
    """

    name: str
    run: Callable[[Path, int], FaultRecord]
    cases: int
    short: int = 1
    peers: tuple[str, ...] = ()


def record(name: str, cases: int, failures: list[str], detail: str) -> FaultRecord:
    """Return the record of `cases`, one sentence in `failures` for each that failed."""
    return FaultRecord(name, cases, len(failures), "; ".join([*failures[:3], detail]))
