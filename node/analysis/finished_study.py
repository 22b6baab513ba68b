"""What a job has to say of its study at the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from node.ledger.records import Claim, ResultObject


@dataclass(frozen=True)
class FinishedStudy:
    """The outcome of a job, as the ledger keeps it.

    Parameters
    ----------
    code, message
        Of the refusal; None where the study was analysed.
    objects
        What is to be delivered.
    timing_s
        By stage; for the metrics.
    """

    code: str | None
    message: str | None
    objects: tuple[ResultObject, ...]
    timing_s: Mapping[str, float] = field(default_factory=dict)


Job = Callable[[Claim], FinishedStudy]
