"""What a process holds, from /proc."""

import re
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Threads, open handles, resident memory and its peak."""

    threads: int
    handles: int
    resident_bytes: int
    peak_bytes: int

    def is_no_more_than(self, other: "Usage") -> bool:
        """Say whether it holds no more threads and handles; the ledger may have opened another connection."""
        return self.threads <= other.threads and self.handles <= other.handles + LEDGER_HANDLES


LEDGER_HANDLES = 15
"""SQLite opens three files a connection, and the pool keeps up to five."""


def is_quiet(process: int) -> bool:
    """Say whether a process has as many threads as a moment before."""
    threads = usage(process).threads
    time.sleep(0.3)
    return usage(process).threads == threads


def usage(process: int) -> Usage:
    """Return what a process holds now."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")

    def number(name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+)", status, flags=re.MULTILINE)
        return int(found[1]) if found else 0

    handles = len(list(Path(f"/proc/{process}/fd").iterdir()))
    return Usage(number("Threads"), handles, number("VmRSS") * 1024, number("VmHWM") * 1024)
