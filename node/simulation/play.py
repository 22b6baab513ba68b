"""What a play is: which phantom studies, and in which waves of associations a scanner sends them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random


class When(Enum):
    """When a wave begins."""

    AT_ONCE = "after the one before"
    LATE = "after a pause, as between the early phases and the hepatobiliary one"
    ANSWERED = "after the node has answered what came so far"


@dataclass(frozen=True)
class StudyFiles:
    """The instances of one phantom study.

    Parameters
    ----------
    paths
        In the order of acquisition.
    roles
        Of each instance that fills any; a multi-frame one may fill several.
    """

    paths: tuple[Path, ...]
    roles: Mapping[Path, frozenset[str]]

    def of_role(self, role: str) -> tuple[Path, ...]:
        """Return the instances that fill `role`, in the order of acquisition."""
        return tuple(path for path in self.paths if role in self.roles.get(path, frozenset()))

    def without(self, *paths: Path) -> tuple[Path, ...]:
        """Return all instances but these."""
        return tuple(path for path in self.paths if path not in paths)


@dataclass(frozen=True)
class Transfer:
    """One association.

    Parameters
    ----------
    abort_after
        Images after which the scanner aborts it; None: it is released at its end.
    stall_s
        Silence before the abort, s.
    """

    paths: tuple[Path, ...]
    abort_after: int | None = None
    stall_s: float = 0.0


@dataclass(frozen=True)
class Wave:
    """Associations side by side; the next wave begins when all of them have ended."""

    transfers: tuple[Transfer, ...]
    when: When = When.AT_ONCE


Script = Callable[[Sequence[StudyFiles], Random], tuple[Wave, ...]]
"""From the studies of a play to what is sent; the generator decides every order."""


@dataclass(frozen=True)
class Play:
    """One way in which studies come.

    Parameters
    ----------
    summary
        One line for ``--list``.
    script
        What is sent.
    phantom
        Scenario of `mvi-node phantom`.
    patients
        How many studies.
    code
        Of the refusal that the way of sending must bring about; None: what the phantom's truth expects.
    first_code
        Of the refusal that must come first, and be replaced by the answer to the whole study; None: there is one
        answer.
    vendors
        For which it makes sense; empty: all that the phantom scenario knows.
    """

    name: str
    summary: str
    script: Script
    phantom: str = "standard"
    patients: int = 1
    code: str | None = None
    first_code: str | None = None
    vendors: tuple[str, ...] = ()
