"""How long answers are waited for, and which have not come."""

from collections import Counter
from collections.abc import Callable, Sequence

from node.simulation.expectation import OUTPUTS
from node.simulation.plan import Plan
from node.simulation.receiver import Receiver
from node.simulation.staging import StagedStudy

_LOOK_S = 0.5


class Patience:
    """Waits at the receiver of a run.

    Parameters
    ----------
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, plan: Plan, receiver: Receiver, monotonic_s: Callable[[], float]) -> None:
        self._plan = plan
        self._receiver = receiver
        self._monotonic_s = monotonic_s

    def until(self, condition: Callable[[], bool], silence_s: float | None = None) -> None:
        """Wait for a condition, until nothing has come for so long; as the plan says where that is absent."""
        longest_s = self._plan.wait_s if silence_s is None else silence_s
        news_s, known = self._monotonic_s(), len(self._receiver.arrivals())
        while not condition() and self._monotonic_s() - news_s < longest_s:
            self._receiver.wait(min(_LOOK_S, longest_s))
            now = len(self._receiver.arrivals())
            if now != known:
                news_s, known = self._monotonic_s(), now

    def until_committed(self, silence_s: float) -> None:
        """Wait until the node has a storage commitment of all that came, or nothing has come for so long."""
        self.until(lambda: all(item.is_committed for item in self._receiver.arrivals().values()), silence_s)

    def unanswered(self, studies: Sequence[StagedStudy], *, first: bool = False) -> list[StagedStudy]:
        """Return the studies whose last object has not come; with `first`, that of their first answer."""
        from dicom_io.acceptance.received import KINDS  # noqa: PLC0415 - numerical

        last = [kind for kind in OUTPUTS if kind in self._plan.outputs][-1]
        answers = Counter(
            arrival.study_instance_uid
            for arrival in self._receiver.arrivals().values()
            if KINDS.get(arrival.sop_class_uid) == last
        )
        return [
            study
            for study in studies
            if answers[study.study_instance_uid] < (1 if first or study.play.first_code is None else 2)
        ]
