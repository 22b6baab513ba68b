"""The whole loop on one machine: an embedded PACS, the node and a scanner, on free loopback ports."""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.loading import load_settings
from config.series_rules import rules_in_force
from config.settings import Settings
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import send_files
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
from node.ledger.ledger import open_ledger
from node.ledger.records import Delivery, DeliveryState, StudyRecord
from node.results_folder import results_folder
from node.states import StudyState
from node.storage import ledger_url
from node.study_report import explain_study

ASSOCIATIONS = 3
"""A scanner sends its series side by side."""
FINISH_S = 900.0
MARKER = ".mvi-node-demo"
"""Tells a folder that the demonstration may empty."""

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


@dataclass(frozen=True)
class DemoOutcome:
    """What came back.

    Parameters
    ----------
    document
        The node's ``result.json``.
    match
        The node's series matching, as ``match --json`` prints it.
    truth
        The phantom's ``truth.json``.
    deliveries
        One entry an object and destination.
    sent
        Instances that the scanner sent.
    """

    document: dict[str, Any]
    match: dict[str, Any]
    truth: dict[str, Any]
    deliveries: tuple[Delivery, ...]
    sent: int


OnStep = Callable[[Step, str], None]


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
    _clear(out)
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
    return _collect(out, study, deliveries, truth, len(files))


def _clear(out: Path) -> None:
    """Empty a folder that an earlier demonstration made; no other folder is touched.

    Raises
    ------
    ConfigError
        The folder holds something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()) and not (out / MARKER).is_file():
        raise ConfigError([f"{out} holds files that no demonstration made; name a new or empty folder with --out"])
    (out / MARKER).write_text("Made by `mvi-node demo`, which replaces what lies here.\n", encoding="utf-8")
    for name in ("study", "pacs", "node"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("seg.dcm", "sr.dcm", "summary.dcm", "summary.png", "result.json", CONFIGURATION_FILE, "node.log"):
        (out / name).unlink(missing_ok=True)


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


def _collect(
    out: Path, study: StudyRecord, deliveries: tuple[Delivery, ...], truth: dict[str, Any], sent: int
) -> DemoOutcome:
    folder = results_folder(out / "node", study.study_instance_uid, study.generation)
    if study.state is not StudyState.DELIVERED:
        because = f"{study.code or ''} {study.message or ''}".strip()
        raise DemoFailedError(f"the study ended as {study.state}: {because or 'see ' + str(out / 'node.log')}")
    # SEG and SR are taken from the PACS: what counts is what arrived there.
    for delivery in deliveries:
        if delivery.state is not DeliveryState.DELIVERED:
            raise DemoFailedError(
                f"{delivery.kind} is {delivery.state} at {delivery.destination}: {delivery.error}"
            )
        shutil.copyfile(out / "pacs" / f"{delivery.sop_instance_uid}.dcm", out / f"{delivery.kind}.dcm")
    for name in ("summary.png", "result.json"):
        shutil.copyfile(folder / name, out / name)
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    settings = load_settings(out / CONFIGURATION_FILE, {})
    with open_ledger(ledger_url(settings)) as ledger:
        rules = rules_in_force(settings.matching)
        match = explain_study(ledger, settings.node.storage, study.study_instance_uid, settings.completion, rules)
    return DemoOutcome(document, match, truth, deliveries, sent)
