"""The way of the demonstration's study, in steps that are told to whoever watches."""

from collections.abc import Callable
from enum import Enum

from node.states import StudyState

ASSOCIATIONS = 3
"""A scanner sends its series side by side."""
ENDED = frozenset(
    {
        StudyState.DELIVERED,
        StudyState.UNCONFIRMED,
        StudyState.UNDELIVERED,
        StudyState.FAILED,
        StudyState.ANALYSED,
        StudyState.REFUSED,
    }
)


class Step(Enum):
    """The way of the study, in order."""

    WRITE = (0, "writing a phantom study as a GE 3.0 T scanner would")
    START = (1, "starting the embedded PACS and the node")
    SEND = (2, f"sending on {ASSOCIATIONS} associations")
    RECEIVE = (3, "received; waiting until the study has settled")
    WAIT = (4, "six roles filled; waiting for a worker")
    ANALYSE = (5, "registering, segmenting, measuring, classifying")
    DELIVER = (6, "sending SEG, SR and summary; waiting for storage commitment")
    DONE = (7, "done")

    def __init__(self, number: int, words: str) -> None:
        self.number = number
        self.words = words


STEP_OF = {
    StudyState.RECEIVING: Step.RECEIVE,
    StudyState.READY: Step.WAIT,
    StudyState.ANALYSING: Step.ANALYSE,
    StudyState.DELIVERING: Step.DELIVER,
}

OnStep = Callable[[Step, str], None]
