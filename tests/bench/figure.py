"""One line of `make bench`: a figure of ours beside its baseline of the same run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What `build/bench.json` holds for each figure.

    Parameters
    ----------
    ours, baseline
        In `unit`.
    goal
        In words, with the side on which it lies.
    command
        Prints this figure alone, in more detail.
    """

    name: str
    ours: float
    baseline: float
    goal: str
    unit: str
    command: str

    @property
    def ratio(self) -> float:
        """Ours over baseline."""
        return self.ours / self.baseline

    def document(self) -> dict[str, str | float]:
        """Return the entry of the JSON list."""
        return {
            "name": self.name,
            "ours": round(self.ours, 4),
            "baseline": round(self.baseline, 4),
            "ratio": round(self.ratio, 4),
            "goal": self.goal,
            "unit": self.unit,
            "command": self.command,
        }
