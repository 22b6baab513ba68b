"""The whole loop on one machine: an embedded PACS, the node and a scanner, on free loopback ports."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from config.loading import load_settings
from config.settings import Settings
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import send_files
from node.demo.folder import DemoOutcome, clear, collect
from node.demo.processes import (
    CONFIGURATION_FILE,
    LOOPBACK,
    NODE,
    POLL_S,
    SCANNER,
    DemoFailedError,
    IsAlive,
    free_port,
    running_archive,
    running_node,
)
from node.demo.steps import ASSOCIATIONS, ENDED, STEP_OF, OnStep, Step
from node.ledger.delivery_records import Delivery
from node.ledger.ledger import open_ledger
from node.ledger.records import StudyRecord
from node.storage.folder import ledger_url

FINISH_S = 900.0


def run_demo(out: Path, *, seed: int, on_step: OnStep, site: Settings | None = None) -> DemoOutcome:
    """Play a phantom study through the embedded PACS and the node.

    Parameters
    ----------
    out
        Folder for the study, ``seg.dcm``, ``sr.dcm``, ``summary.png`` and ``result.json``; what an earlier
        demonstration left there is replaced.
    seed
        Of the phantom.
    on_step
        Told which step is under way, with a detail in words that may be empty.
    site
        Whose model and series rules are demonstrated; the built-in ones where absent.

    Raises
    ------
    DemoFailedError
        A step did not come to its end.
    """
    clear(out)
    on_step(Step.WRITE, f"seed {seed}")
    truth = _write_study(out / "study", seed)
    files = sorted((out / "study" / "dicom").rglob("*.dcm"))
    node_port = free_port()
    on_step(Step.START, "")
    with (
        running_archive(out / "pacs", node_port) as (pacs_port, pacs_runs),
        running_node(out, node_port, pacs_port, site) as node_runs,
    ):
        on_step(Step.SEND, f"{len(files)} instances")
        _send(files, RemoteAE(NODE, LOOPBACK, node_port))
        programs = {"embedded PACS": pacs_runs, "node": node_runs}
        study, deliveries = _wait_for_the_end(out, _study_uid(truth, files), on_step, programs)
    return collect(out, study, deliveries, truth, len(files))


def _write_study(folder: Path, seed: int) -> dict[str, Any]:
    # Numerical packages are loaded only by those who need them.
    from dicom_io.phantom_series import write_phantom_study  # noqa: PLC0415
    from pipeline.phantom import make_case  # noqa: PLC0415

    return dict(write_phantom_study(make_case(seed), folder, vendor="ge", scenario="standard"))


def _study_uid(truth: dict[str, Any], files: Sequence[Path]) -> str:
    from dicom_io.network.identity import read_file_identity  # noqa: PLC0415

    wanted = {uid for role in truth["roles"].values() for uid in role["sop_instance_uids"]}
    for path in files:
        identity = read_file_identity(path).identity
        if identity.sop_instance_uid in wanted:
            return identity.study_instance_uid
    raise DemoFailedError("the phantom study holds none of the instances that its truth names")


def _send(files: Sequence[Path], node: RemoteAE) -> None:
    shares = [files[number::ASSOCIATIONS] for number in range(ASSOCIATIONS)]
    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        results = pool.map(lambda share: send_files(share, node, calling_ae_title=SCANNER), shares)
        outcomes = [outcome for result in results for outcome in result]
    failed = [outcome for outcome in outcomes if outcome.disposition is not Disposition.DELIVERED]
    if failed:
        raise DemoFailedError(f"{len(failed)} of {len(files)} instances were not taken: {failed[0].message}")


def _wait_for_the_end(
    out: Path, study_instance_uid: str, on_step: OnStep, programs: Mapping[str, IsAlive]
) -> tuple[StudyRecord, tuple[Delivery, ...]]:
    deadline = time.monotonic() + FINISH_S
    with open_ledger(ledger_url(load_settings(out / CONFIGURATION_FILE, {}))) as ledger:
        while time.monotonic() < deadline:
            study = ledger.studies.get(study_instance_uid)
            on_step(STEP_OF.get(study.state, Step.DONE), f"{study.images} images")
            ended = [name for name, is_alive in programs.items() if not is_alive()]
            if ended:
                raise DemoFailedError(f"the {ended[0]} ended before the study did; see {out / 'node.log'}")
            if study.state in ENDED:
                return study, ledger.outbox.of_study(study_instance_uid)
            time.sleep(POLL_S)
    raise DemoFailedError(f"the study did not end within {FINISH_S:.0f} s; see {out / 'node.log'}")
