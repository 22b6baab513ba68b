"""What fitted settings said of patients that they had not seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.evaluation.fitted import Seen
from pipeline.evaluation.parts import BoolArray, IndexArray
from pipeline.evaluation.splits import Part
from pipeline.geometry import FloatArray


@dataclass(frozen=True, eq=False)
class Scored:
    """What one fitted setting said of one part.

    Parameters
    ----------
    setting
        Its key.
    split
        Number of the split.
    part
        Validation or test.
    patients, rows, mvi, probability
        Of the part, in order; rows of its cohort.
    threshold, calibrated, chosen
        As fitted.
    seen
        Who had a part in the fit.
    """

    setting: str
    split: int
    part: Part
    patients: tuple[str, ...]
    rows: IndexArray
    mvi: BoolArray
    probability: FloatArray
    threshold: float
    calibrated: bool
    chosen: str
    seen: Seen

    def require_honest(self) -> "Scored":
        """Return this where none of its patients was seen in fitting; ``EV-SEEN`` otherwise."""
        self.seen.require_unseen(self.patients, self.part)
        return self


@dataclass(frozen=True, eq=False)
class Results:
    """What all settings said.

    Parameters
    ----------
    test, validation, external
        By setting, in the order of the splits.
    unavailable
        By setting: why it has no result, in one sentence.
    left_out
        By setting that has results: in how many splits it has none, and why in the first of these.
    """

    test: Mapping[str, tuple[Scored, ...]]
    validation: Mapping[str, tuple[Scored, ...]]
    external: Mapping[str, tuple[Scored, ...]]
    unavailable: Mapping[str, str]
    left_out: Mapping[str, tuple[int, str]] = field(default_factory=dict)
