"""An assignment as it is asked for on the command line, and the part of a study that it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from config.errors import NodeError
from dicom_io.assembly.assignable import Assignable
from pipeline.study import Role


class Kind(Enum):
    """What an error says of whoever asked."""

    USAGE = "wrong usage"
    REFUSED = "the images must not be used so"
    FAILED = "not now, or not here"


class AssignmentError(NodeError):
    """An assignment that was not entered.

    Parameters
    ----------
    code
        ``AS-...``, or the code of series matching that stands against it.
    """

    def __init__(self, kind: Kind, code: str, message: str) -> None:
        self.kind = kind
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")

    def __reduce__(self) -> tuple[object, ...]:
        return (AssignmentError, (self.kind, self.code, self.message))


@dataclass(frozen=True)
class Wish:
    """One assignment as it was asked for: a role, a series by UID or number, and a part of it by key or none."""

    role: Role
    series: str
    key: str = ""

    @classmethod
    def read(cls, text: str) -> "Wish":
        """Read ``ROLE=SERIES`` or ``ROLE=SERIES:KEY``.

        Raises
        ------
        AssignmentError
            It is none (``AS-USAGE``), or the role is unknown (``AS-ROLE``).
        """
        name, _, place = text.partition("=")
        series, _, key = place.partition(":")
        if not series:
            raise AssignmentError(
                Kind.USAGE, "AS-USAGE", f"{text!r} is no assignment; write ROLE=SERIES, for example T2=7"
            )
        return cls(read_role(name), series, key)


def read_role(name: str) -> Role:
    """Return a role by its name.

    Raises
    ------
    AssignmentError
        There is none (``AS-ROLE``).
    """
    try:
        return Role(name.upper())
    except ValueError:
        message = f"{name!r} is no role; the roles are {', '.join(Role)}"
        raise AssignmentError(Kind.USAGE, "AS-ROLE", message) from None


def find(wish: Wish, stacks: Sequence[Assignable]) -> Assignable:
    """Return the part of a study that is meant.

    Raises
    ------
    AssignmentError
        There is no such series (``AS-SERIES``) or part (``AS-PART``), or several; or it cannot fill the role, with
        the code of what stands against it.
    """
    series = [item for item in stacks if item.series_instance_uid == wish.series]
    series = series or [item for item in stacks if str(item.series_number) == wish.series]
    uids = list(dict.fromkeys(item.series_instance_uid for item in series))
    if not uids:
        known = dict.fromkeys(str(item.series_number) for item in stacks if item.series_number is not None)
        message = (
            f"the study has no image series {wish.series}; it has: {', '.join(known) or 'none with a number'}"
        )
        raise AssignmentError(Kind.USAGE, "AS-SERIES", message)
    if len(uids) > 1:
        message = f"{len(uids)} series have the number {wish.series}; name one by its UID: {', '.join(uids)}"
        raise AssignmentError(Kind.USAGE, "AS-SERIES", message)
    named = [item for item in series if item.key.startswith(wish.key)]
    if not named:
        message = f"series {wish.series} has no part {wish.key}; it has: {_parts(series)}"
        raise AssignmentError(Kind.USAGE, "AS-PART", message)
    fitting = [item for item in named if wish.role in item.roles]
    if len(fitting) > 1:
        message = f"{len(fitting)} parts of series {wish.series} may be {wish.role}; name one: {_parts(fitting)}"
        raise AssignmentError(Kind.USAGE, "AS-PART", message)
    if not fitting:
        raise _unfit(wish, named[0])
    return fitting[0]


def _unfit(wish: Wish, item: Assignable) -> AssignmentError:
    if item.roles:
        because, code = f"its acquisition parameters are those of {' or '.join(item.roles)}", "NO-ROLE"
    else:
        because, code = item.because, item.code
    message = f"series {wish.series} cannot be {wish.role}, whoever says so: {because}"
    return AssignmentError(Kind.REFUSED, code, message)


def _parts(stacks: Sequence[Assignable]) -> str:
    """Name parts as they are written in an assignment, by the shortest keys that differ."""
    digits = next(n for n in range(4, 17) if len({item.key[:n] for item in stacks}) == len(stacks))
    return ", ".join(f":{item.key[:digits]} ({item.sub_volume or 'all of it'})" for item in stacks)
