"""What the processes of a node hold, in rest before the traffic and after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.compute.stage_name import stage_of
from tests.faults.processes import LEDGER_HANDLES, Usage, usage
from tests.faults.victim import Victim, listener

GROWTH_LIMITS_BYTES: Mapping[str, int] = {"node": 60_000_000, "receiver": 50_000_000, "worker": 250_000_000}
"""More in rest than before the traffic. A worker keeps the pools of its largest study, which come in any order."""


@dataclass
class Growth:
    """Looks at the processes of a node by what they do."""

    node: Victim
    before: dict[str, Usage] = field(default_factory=dict)
    after: dict[str, Usage] = field(default_factory=dict)
    peaks: dict[str, Usage] = field(default_factory=dict)
    looks: int = 0

    def look(self) -> None:
        """Remember the most that was held."""
        for role, held in self._held().items():
            known = self.peaks.get(role, held)
            self.peaks[role] = Usage(
                max(known.threads, held.threads),
                max(known.handles, held.handles),
                max(known.resident_bytes, held.resident_bytes),
                max(known.peak_bytes, held.peak_bytes),
            )
        self.looks += 1

    def begin(self) -> None:
        """Take what is held now as what may be held."""
        self.before = self._held()

    def is_flat(self) -> bool:
        """Look now, and say whether no more is held than before."""
        self.after = self._held()
        return not self.problems()

    def problems(self) -> list[str]:
        """Say where more is held than before."""
        # A worker is known by its first analysis, and may have been started anew since.
        gone = self.before.keys() - self.after.keys() - {"worker"}
        found = [f"there is no {role} any more" for role in gone]
        for role, before in self.before.items():
            after = self.after.get(role, before)
            if after.threads > before.threads:
                found.append(f"{role}: {after.threads} threads, before {before.threads}")
            if after.handles > before.handles + LEDGER_HANDLES:
                found.append(f"{role}: {after.handles} handles, before {before.handles}")
            grown = after.resident_bytes - before.resident_bytes
            if grown > GROWTH_LIMITS_BYTES[role]:
                found.append(f"{role}: it grew by {grown / 1e6:.0f} MB")
        return found

    def words(self) -> str:
        """Return before, peak and after of each process."""
        return "; ".join(
            f"{role} {before.resident_bytes / 1e6:.0f} MB {before.threads} threads {before.handles} handles -> "
            f"{after.resident_bytes / 1e6:.0f} MB {after.threads} {after.handles}, "
            f"at most {self.peaks[role].resident_bytes / 1e6:.0f} MB {self.peaks[role].threads} "
            f"{self.peaks[role].handles}"
            for role, before in self.before.items()
            if (after := self.after.get(role)) is not None
        )

    def _held(self) -> dict[str, Usage]:
        roles = {"node": self.node.process, "receiver": listener(self.node.port)}
        roles["worker"] = next((process for process in self.node.processes() if stage_of(process)), None)
        held: dict[str, Usage] = {}
        for role, process in roles.items():
            try:
                held |= {role: usage(process)} if process else {}
            except OSError:  # It was killed in this moment.
                continue
        return held
