"""What a play is: which phantom studies, and in which waves of associations a scanner sends them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random


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
    """Associations side by side; the next wave begins when all of them have ended.

    Parameters
    ----------
    is_late
        Whether it begins after the pause between the early phases and the hepatobiliary one.
    """

    transfers: tuple[Transfer, ...]
    is_late: bool = False


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
    vendors
        For which it makes sense; empty: all that the phantom scenario knows.
    """

    name: str
    summary: str
    script: Script
    phantom: str = "standard"
    patients: int = 1
    code: str | None = None
    vendors: tuple[str, ...] = ()
