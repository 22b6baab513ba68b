"""Names of workers, and whether the process behind a name is gone."""

import os
import socket
from pathlib import Path

_START_TIME_FIELD = 19
"""Of /proc/PID/stat, counted behind the command name (proc(5), field 22): the kernel's ticks since boot."""


def worker_name(number: int) -> str:
    """Return a name that no other worker bears: host, process, start of the process, number."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}/{number}"


def is_gone(name: str) -> bool:
    """Say whether the process of a worker certainly runs no more; of another host nothing is certain."""
    host, process, started, _ = (*name.split("/"), "", "", "", "")[:4]
    if host != socket.gethostname() or not process.isdecimal():
        return False
    # A process number is used again, in a container at every start: only with its start time is it a name.
    return not _runs(int(process)) or _started(int(process)) != started


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(process: int) -> str:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[_START_TIME_FIELD]
