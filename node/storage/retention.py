"""What is deleted when: images once their result is confirmed and old, or space is short; results later."""

import logging
import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from config.settings import Settings
from node.ledger.ledger import Ledger
from node.ledger.purges import BY_RULE, Extent, Purged
from node.ledger.records import StudyRecord
from node.storage.purging import Purger

logger = logging.getLogger(__name__)

IMAGES, RESULTS = Extent(results=False), Extent(images=False)


def low_disk_bytes(settings: Settings) -> int:
    """Return below which free space people are told, bytes; never below the watermark of reception."""
    return max(settings.retention.low_disk_bytes, settings.node.minimum_free_bytes)


class Retention:
    """Deletes what is due; call `check` again and again.

    Parameters
    ----------
    storage
        Folder of inbox and results.
    free_bytes
        Free space of a folder, bytes; the file system's by default.
    """

    def __init__(
        self, ledger: Ledger, storage: Path, settings: Settings, free_bytes: Callable[[Path], int] | None = None
    ) -> None:
        self._ledger = ledger
        self._storage = storage
        self._rules = settings.retention
        self._low_disk_bytes = low_disk_bytes(settings)
        # A late image of a study whose images are gone would be refused alone, in place of its good result.
        self._settled = timedelta(seconds=settings.completion.deadline_s)
        self._free_bytes = free_bytes or (lambda folder: shutil.disk_usage(folder).free)
        self._purger = Purger(ledger, storage, unconfirmed=self._rules.unconfirmed)
        self._counts = dict.fromkeys(("images", "results", "images-early"), 0)

    def check(self) -> None:
        """Delete what is due by age, then what may go where space is short; nothing while another node does."""
        with self._ledger.alone("retention") as mine:
            if not mine:
                return
            self._purger.settle()
            self.purge_due()
            self._make_space()

    def purge_due(self, by: str = BY_RULE) -> list[Purged]:
        """Delete what is due by age now; return what that was.

        Parameters
        ----------
        by
            For the history and the audit trail.
        """
        purged = [self._purge(study, extent, str(extent), by) for study, extent in self.due()]
        # Results wait for the images of their study to go.
        purged += [self._purge(study, extent, str(extent), by) for study, extent in self.due() if extent.results]
        return [item for item in purged if item is not None]

    def foretell(self) -> list[Purged]:
        """Return what `purge_due` would delete first."""
        foretold = []
        for study, extent in self.due():
            uid = study.study_instance_uid
            files = self._ledger.studies.files(uid) if extent.images else ()
            results = self._ledger.studies.results(uid) if extent.results else ()
            foretold.append(Purged(uid, len(files), sum(file.size_bytes for file in files), len(results)))
        return foretold

    def due(self) -> list[tuple[StudyRecord, Extent]]:
        """Return what is due by age now."""
        now, rules = self._ledger.clock(), self._rules
        due: list[tuple[StudyRecord, Extent]] = []
        if rules.images_days:
            before = now - timedelta(days=rules.images_days)
            images = self._ledger.purges.images_due(before, unconfirmed=rules.unconfirmed)
            due += [(study, IMAGES) for study in images]
        if rules.results_days:
            before = now - timedelta(days=rules.results_days)
            results = self._ledger.purges.results_due(before, unconfirmed=rules.unconfirmed)
            due += [(study, RESULTS) for study in results]
        return due

    def counts(self) -> Mapping[str, int]:
        """Return how many studies lost their images or results since the start of this process, by reason."""
        return dict(self._counts)

    def _make_space(self) -> None:
        if not self._rules.early or self._free_bytes(self._storage) >= self._low_disk_bytes:
            return
        before = self._ledger.clock() - self._settled
        for study in self._ledger.purges.images_due(before, unconfirmed=self._rules.unconfirmed):
            if self._free_bytes(self._storage) >= self._low_disk_bytes:
                break
            logger.warning("space is short, images go before their time study=%s", study.study_instance_uid)
            self._purge(study, IMAGES, "images-early")

    def _purge(self, study: StudyRecord, extent: Extent, because: str, by: str = BY_RULE) -> Purged | None:
        try:
            purged = self._purger.by_rule(study, extent, by)
        except Exception:  # One folder that cannot be deleted must not keep all others.
            logger.exception("not purged study=%s", study.study_instance_uid)
            return None
        self._counts[because] += purged is not None
        return purged
