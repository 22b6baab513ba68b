"""The stage of an analysis as the name of its process, so that `top` and `ps` say what a worker does."""

from contextlib import suppress
from pathlib import Path

_NAME = Path("/proc/thread-self/comm")
_LONGEST = 15
"""Linux keeps so many bytes (proc_pid_comm(5))."""
IDLE = "idle"


def show_stage(stage: str) -> None:
    """Name the calling thread after a stage, ``mvi-segment``; a process is called as its first thread.

    Nothing happens where the system keeps no such names.
    """
    with suppress(OSError):
        _NAME.write_text(f"mvi-{stage}"[:_LONGEST], encoding="ascii")


def stage_of(process: int) -> str:
    """Return the stage that a process shows; empty where it shows none, or has ended."""
    try:
        name = Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return name.removeprefix("mvi-") if name.startswith("mvi-") else ""
