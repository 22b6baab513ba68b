"""When a study is analysed: six roles filled and quiet, or a deadline passed. Silence alone decides nothing."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.sections.studies import CompletionSection
from dicom_io.assembly.overrides import Override
from dicom_io.assembly.progress import StudyProgress
from node.deadline import deadline_s
from node.ledger.ledger import Ledger
from node.ledger.records import StudyRecord
from node.studies.overrides import overrides_of

logger = logging.getLogger(__name__)

ProgressReader = Callable[[Sequence[Path], Sequence[Override]], StudyProgress]
"""From the files of a study, and what people assigned, to how far it has come."""


@dataclass
class _Seen:
    """What is known of one study at one generation.

    Parameters
    ----------
    since_s
        Reading of the monotonic clock when its last image arrived.
    progress
        None until the headers were read.
    """

    generation: int
    since_s: float
    progress: StudyProgress | None = None


class Completion:
    """Looks at the studies that are being received; call `check` again and again.

    Headers are read once a generation, and only of studies that have been quiet for the settle time.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger are relative to.
    read_progress
        Reads the headers of a study; an error of it is logged and leaves the study to its deadline.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(
        self,
        ledger: Ledger,
        storage: Path,
        read_progress: ProgressReader,
        settings: CompletionSection,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._storage = storage
        self._read_progress = read_progress
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._seen: dict[str, _Seen] = {}
        self._checked_s = -math.inf

    def check(self) -> int:
        """Make ready what is complete or past its deadline; return how many studies."""
        studies = self._ledger.studies.receiving()
        present = {study.study_instance_uid for study in studies}
        self._seen = {uid: seen for uid, seen in self._seen.items() if uid in present}
        now_s = self._monotonic_s()
        ready = sum(self._check(study, now_s) for study in studies)
        self._checked_s = now_s
        return ready

    def _check(self, study: StudyRecord, now_s: float) -> bool:
        seen = self._seen.get(study.study_instance_uid)
        if seen is None or seen.generation != study.generation:
            since_s = now_s - self._quiet_before_s(study, now_s)
            seen = self._seen[study.study_instance_uid] = _Seen(study.generation, since_s)
        quiet_s = now_s - seen.since_s
        if quiet_s < self._settings.settle_s:
            return False
        if seen.progress is None:
            seen.progress = self._progress(study)
        open_roles = seen.progress.open_roles
        if not open_roles:
            return self._ledger.work.complete(study, "six roles filled")
        if quiet_s >= deadline_s(seen.progress, self._settings, self._ledger.clock().date()):
            because = f"deadline, without {', '.join(open_roles)}"
            logger.info("deadline passed study=%s open=%s", study.study_instance_uid, ",".join(open_roles))
            return self._ledger.work.complete(study, because)
        return False

    def _quiet_before_s(self, study: StudyRecord, now_s: float) -> float:
        # The time of day may be set, and would end a study at once or make it wait for hours; the monotonic
        # clock knows nothing of the time before this process. So the first counts once, for what a start of the
        # node finds: any later image came after the check before this one.
        by_day = (self._ledger.clock() - study.last_received_at).total_seconds()
        return min(max(by_day, 0.0), now_s - self._checked_s)

    def _progress(self, study: StudyRecord) -> StudyProgress:
        uid = study.study_instance_uid
        instances, assigned = self._ledger.studies.files(uid), self._ledger.assignments.last(uid)
        try:
            return self._read_progress(
                [self._storage / instance.path for instance in instances], overrides_of(assigned)
            )
        except Exception:  # One unreadable study must not stop the check of the others.
            logger.exception("headers cannot be read study=%s", study.study_instance_uid)
            return StudyProgress()
