"""A run with what surrounds it: the check of the peers, the remarks, and who ran it where."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from config.settings import Settings
from node.simulation.acceptance import Progress, Run
from node.simulation.peer_check import check_node, check_settings, other_receivers
from node.simulation.plan import Plan
from node.simulation.verdict import Acceptance, StudyVerdict

logger = logging.getLogger(__name__)


@dataclass
class Session:
    """One run at a site.

    Parameters
    ----------
    began_at
        Aware.
    implementation, remarks
        Found by `check`.
    """

    plan: Plan
    site: str
    operator: str
    began_at: datetime
    implementation: str = ""
    remarks: list[str] = field(default_factory=list)

    def check(self, settings: Settings | None, config: Path | None) -> list[str]:
        """Ask whether the node knows us, before anything is sent; return what a person should know.

        Parameters
        ----------
        settings, config
            Of the node, where it runs here, and the file that they are from.

        Raises
        ------
        PeerError
            It cannot be reached, or refuses; with the command that would mend it.
        """
        plan = self.plan
        arguments = ("--config", str(config)) if config and settings is not None else ()
        if settings is not None:
            check_settings(settings, plan.node, plan.own, arguments)
            others = other_receivers(settings, plan.own)
            if others:
                self.remarks.append(
                    f"these peers get the results of the synthetic patients, too: {', '.join(others)}"
                )
        self.implementation = check_node(plan.node, plan.own, arguments)
        self.remarks.append(
            f"the Patient ID of every synthetic patient begins with {plan.patient_prefix}: delete them afterwards "
            "on the node (`mvi-node studies purge UID`), and on every PACS that gets its results"
        )
        return self.remarks

    def run(self, folder: Path, on_progress: Callable[[Progress], None]) -> Acceptance:
        """Play, receive and compare.

        Raises
        ------
        AcceptanceError
            The node acknowledges no image at all.
        PeerError
            The node cannot be reached any more, or refuses the association.
        """
        run = Run(self.plan, folder, monotonic_s=monotonic, on_progress=on_progress)
        studies = run.play()
        return Acceptance(
            plan=self.plan,
            began_at=self.began_at,
            ended_at=datetime.now(UTC).astimezone(),
            site=self.site,
            operator=self.operator,
            implementation=self.implementation,
            studies=tuple(studies),
            remarks=(*self.remarks, *run.remarks),
            picture=_picture(studies),
        )


def _picture(studies: Sequence[StudyVerdict]) -> bytes:
    """Return a summary page as PNG, of a study that passed where there is one."""
    from dicom_io.acceptance.picture import png_of  # noqa: PLC0415 - with pydicom

    best_first = sorted(studies, key=lambda study: (study.expected.code is not None, not study.passed))
    pages = (item.path for study in best_first for item in study.returned if item.content.kind == "summary")
    for path in pages:
        try:
            return png_of(path)
        except Exception as error:  # The object is of a peer; without a picture the report is still one.
            logger.warning("no picture of %s: %s", path.name, type(error).__name__)
    return b""
