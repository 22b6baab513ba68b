"""The order of an acceptance run: write, send, receive, compare."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from config.errors import NodeError
from node.simulation.judging import Played, judge
from node.simulation.patience import Patience
from node.simulation.plan import Plan
from node.simulation.play import Play
from node.simulation.receiver import Receiver
from node.simulation.scanner import Scanner
from node.simulation.staging import Stage, StagedStudy
from node.simulation.verdict import StudyVerdict

_NOT_AUTHORISED = "0x0124"
_COMMITMENT_S = 60.0
"""How long the receiver stays for the storage commitment requests of what it got, s."""


class AcceptanceError(NodeError):
    """The node takes nothing at all, so that there is nothing to compare."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    done, total
        Plays that were sent and studies that were answered, of all of both.
    topic, detail
        What is under way, and how far that is.
    """

    done: int
    total: int
    topic: str
    detail: str = ""

    @property
    def words(self) -> str:
        """Both in one."""
        return f"{self.topic}: {self.detail}" if self.detail else self.topic


class Run:
    """One run.

    Parameters
    ----------
    folder
        For the studies and what comes back.
    monotonic_s
        A clock that never steps back, s.
    on_progress
        Told how far it is, also on other threads.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        monotonic_s: Callable[[], float],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._plan = plan
        self._stage = Stage(folder / "studies", plan.run, plan.seed, plan.size)
        self._receiver = Receiver(folder / "received", plan.own, plan.node, monotonic_s)
        self._patience = Patience(plan, self._receiver, monotonic_s)
        self._monotonic_s = monotonic_s
        self._on_progress = on_progress
        self._played: list[Played] = []
        self._total = sum(1 + play.patients for play, _ in plan.performances)

    def play(self) -> list[StudyVerdict]:
        """Send everything, wait for the answers, and compare.

        Raises
        ------
        AcceptanceError
            The node acknowledges no image at all.
        PeerError
            The node cannot be reached any more, or refuses the association.
        """
        with self._receiver:
            for number, (play, vendor) in enumerate(self._plan.performances):
                self._perform(number, play, vendor)
            self._wait()
        arrivals = self._receiver.arrivals()
        return [judge(played, arrivals, self._plan.outputs, self._plan.tolerance) for played in self._played]

    @property
    def remarks(self) -> list[str]:
        """What else happened at the receiver."""
        return self._receiver.remarks()

    def _perform(self, number: int, play: Play, vendor: str) -> None:
        self._tell(number, f"writing {vendor} {play.name}")
        studies = self._stage.write(play, vendor)
        self._receiver.expect(study.study_instance_uid for study in studies)
        waves = play.script([study.files for study in studies], Random(self._plan.seed))  # noqa: S311 - an order
        images = sum(len(transfer.paths) for wave in waves for transfer in wave.transfers)
        counted, lock = [0], threading.Lock()

        def count() -> None:
            with lock:
                counted[0] += 1
            self._tell(number, f"sending {vendor} {play.name}", f"{counted[0]} of {images} images")

        scanner = Scanner(
            self._plan.node,
            self._plan.own.ae_title,
            pause_s=self._plan.pause_s,
            monotonic_s=self._monotonic_s,
            on_image=count,
            until_answered=lambda: self._until_answered(number, studies),
        )
        sent = scanner.send(waves)
        if not sent.taken:
            because = sent.problems[0] if sent.problems else "no image was acknowledged"
            advice = "; the peer needs may_send = true on the node" if _NOT_AUTHORISED in because else ""
            raise AcceptanceError(because + advice)
        planned = frozenset(path for wave in waves for transfer in wave.transfers for path in transfer.paths)
        self._played += [Played(study, planned, sent) for study in studies]

    def _tell(self, done: int, topic: str, detail: str = "") -> None:
        self._on_progress(Progress(done, self._total, topic, detail))

    def _until_answered(self, number: int, studies: Sequence[StagedStudy]) -> None:
        """Wait until each of the studies has its first answer, or nothing has come for long."""
        self._tell(number, f"waiting for the answer to {studies[0].vendor} {studies[0].play.name}")
        self._patience.until(lambda: not self._patience.unanswered(studies, first=True))

    def _wait(self) -> None:
        """Wait until every study has its last object, or nothing has come for long; then a little longer."""
        studies = [played.study for played in self._played]

        def all_answered() -> bool:
            open_studies = self._patience.unanswered(studies)
            answered = len(studies) - len(open_studies)
            self._tell(
                len(self._plan.performances) + answered,
                f"{answered} of {len(studies)} studies answered",
                "waiting for " + ", ".join(f"{study.vendor} {study.play.name}" for study in open_studies[:3]),
            )
            return not open_studies

        self._patience.until(all_answered)
        self._tell(self._total, "waiting for the requests of storage commitment")
        self._patience.until_committed(_COMMITMENT_S)
        self._tell(self._total, "looking whether anything comes twice")
        self._patience.until(lambda: False, self._plan.pause_s)
