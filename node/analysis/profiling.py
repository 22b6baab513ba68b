"""Where the time and the memory of an analysis went: `mvi-node analyse --profile`."""

import cProfile
import json
import pstats
import resource
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROFILE_DOCUMENT = "profile.json"
PROFILE_STATISTICS = "profile.pstats"
FUNCTIONS = 40
"""How many functions the document names; `PROFILE_STATISTICS` holds all."""
_KIB_IN_MB = 1e6 / 1024


@dataclass(frozen=True)
class StageCost:
    """What one stage took.

    Parameters
    ----------
    stage
        As `analyse` names it while it runs.
    wall_s, cpu_s
        Elapsed, and of all threads of this process, s.
    rss_mb, peak_rss_mb
        Resident memory at the end of the stage, and the most during it, MB (1,000,000 bytes). Where the system
        does not let the peak be reset, it is that of the process since its start.
    """

    stage: str
    wall_s: float
    cpu_s: float
    rss_mb: float
    peak_rss_mb: float


class Profile:
    """Watches the stages that it is told of, from the first to the end of its ``with`` block.

    Every Python function of this thread is timed as well; that costs a few percent, and no other thread is seen
    there. The seconds and megabytes of a stage are those of the whole process.
    """

    def __init__(self) -> None:
        self.stages: list[StageCost] = []
        self._functions = cProfile.Profile()
        self._running: tuple[str, float, float] | None = None

    def __enter__(self) -> Self:
        self._functions.enable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._functions.disable()
        self._end()

    def begin(self, stage: str) -> None:
        """Note that the running stage ended and `stage` began."""
        self._end()
        _forget_peak()
        self._running = stage, time.perf_counter(), time.process_time()

    def write(self, folder: Path) -> list[Path]:
        """Write `PROFILE_DOCUMENT` and, for ``python -m pstats``, `PROFILE_STATISTICS`.

        Raises
        ------
        OSError
            The folder takes no files.
        """
        document, statistics = folder / PROFILE_DOCUMENT, folder / PROFILE_STATISTICS
        self._functions.dump_stats(statistics)
        content = {"stages": [asdict(cost) for cost in self.stages], "functions": self._largest()}
        document.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return [document, statistics]

    def _largest(self) -> list[dict[str, Any]]:
        # The attribute is what `pstats` itself sorts and prints, and typeshed leaves it out.
        entries: dict[tuple[str, int, str], Any] = pstats.Stats(self._functions).stats  # type: ignore[attr-defined]
        rows = [
            # A path would say where the software is installed; the last two parts say which module it is.
            {
                "function": f"{'/'.join(Path(file).parts[-2:])}:{line} {name}" if line else name,
                "calls": calls,
                "own_s": own,
                "with_callees_s": cumulative,
            }
            for (file, line, name), (_, calls, own, cumulative, _) in entries.items()
        ]
        return sorted(rows, key=lambda row: -float(row["own_s"]))[:FUNCTIONS]

    def _end(self) -> None:
        if self._running is None:
            return
        stage, wall_s, cpu_s = self._running
        self._running = None
        rss_mb, peak_mb = _memory_mb()
        self.stages.append(
            StageCost(stage, time.perf_counter() - wall_s, time.process_time() - cpu_s, rss_mb, peak_mb)
        )


def _forget_peak() -> None:
    # Linux: the largest resident memory counts from here on (proc_pid_clear_refs(5)).
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _memory_mb() -> tuple[float, float]:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_IN_MB
        return peak_mb, peak_mb
    kib = {name: value for name, _, value in (line.partition(":") for line in lines)}
    rss_mb, peak_mb = (int(kib[name].split()[0]) / _KIB_IN_MB for name in ("VmRSS", "VmHWM"))
    return rss_mb, peak_mb
