"""What an examination of one dependency found, and the looks that several examinations share."""

import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from config.errors import NodeError, WrongKeyError

LOOPBACK = "127.0.0.1"


class Verdict(StrEnum):
    """How a dependency stands."""

    OK = "ok"
    WARNING = "warning"
    """The node works, and somebody should look."""
    UNREACHABLE = "unreachable"
    """A peer does not answer; what is meant for it waits."""
    FAILED = "failed"
    """The node does not start, or cannot do its work."""
    UNKNOWN = "unknown"
    """It could not be examined: a setting that this needs is wrong."""


@dataclass(frozen=True)
class Finding:
    """What one examination found.

    Parameters
    ----------
    detail
        One sentence, with what to do where something is wrong.
    """

    name: str
    verdict: Verdict
    detail: str


def found(name: str, look: Callable[[], str]) -> Finding:
    """Return what `look` says, or the failure that it raises."""
    try:
        return Finding(name, Verdict.OK, look())
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))


def attempted(name: str, look: Callable[[], Finding | Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what `look` finds, and that it could not look where a setting that it needs is wrong."""
    try:
        seen = look()
        yield from (seen,) if isinstance(seen, Finding) else seen
    except WrongKeyError as error:
        yield Finding(name, Verdict.UNKNOWN, f"not examined: it needs {error}")


def why_not_free(host: str, port: int) -> str:
    """Return why a TCP port cannot be listened on; empty where it can."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = addresses[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As a listener itself does: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def reached_at(host: str) -> str:
    """Return the address under which this machine reaches what listens on `host`."""
    return LOOPBACK if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - compared, not listened on
