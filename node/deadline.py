"""How long a study with open roles is waited for.

The deadline counts from the last image. Where the scanner's own clock says that the hepatobiliary phase, 20
minutes after the injection, cannot have been acquired by then, it counts from where that phase was due
(deploy/decisions/0008-when-a-study-is-complete.md).
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from config.sections.studies import CompletionSection

if TYPE_CHECKING:
    from dicom_io.assembly.progress import StudyProgress

ONE_DAY = timedelta(days=1)


def deadline_s(progress: "StudyProgress", settings: CompletionSection, today: date) -> float:
    """Return how long after its last image a study with open roles ends as refused, s.

    The phase that is due later is waited for only where the images are of these days: what a PACS sends of last
    year will not grow. A day more or less is a matter of time zones, which neither DICOM nor a clock tells.
    """
    acquired_on = progress.acquired_on
    is_live = acquired_on is not None and abs(acquired_on - today) <= ONE_DAY
    return settings.deadline_s + (progress.hepatobiliary_due_s if is_live else 0.0)
