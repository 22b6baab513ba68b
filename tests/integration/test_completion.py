"""When studies are complete, through the real program: interleaved, in pieces, at once, late, again, not yet."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind, StudyRecord
from node.states import StudyState
from tests.faults.victim import LOOPBACK, NODE, SCANNER, Victim, wait_for, zygote
from tests.integration.service import mvi_node
from tests.unit.dicom_io.assembly.header_studies import T2, StudyWriter, standard

pytestmark = [pytest.mark.slow, pytest.mark.peer("dcmtk")]

SETTLE_S, DEADLINE_S = 2.0, 4.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    folder = tmp_path_factory.mktemp("node")
    completion = {"settle_s": SETTLE_S, "deadline_s": DEADLINE_S, "check_every_s": 0.2}
    with zygote() as nodes, Victim(nodes, folder, settings={"completion": completion}) as victim:
        yield victim


@pytest.fixture
def ledger(node: Victim) -> Iterator[Ledger]:
    with node.ledger() as opened:
        yield opened


def write(
    folder: Path, *without: str, patient_id: str = "PHANTOM", **changes: Any
) -> tuple[StudyWriter, list[Path]]:
    folder.mkdir(exist_ok=True)
    writer = StudyWriter(folder, patient_id=patient_id, **changes)
    standard(writer, without=without)
    return writer, sorted(folder.glob("*.dcm"))


def send(node: Victim, files: Sequence[Path]) -> None:
    """Send files in this order on one association of DCMTK."""
    command = ["/usr/bin/storescu", "-aet", SCANNER, "-aec", NODE, LOOPBACK, str(node.port), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def end_of(node: Victim, ledger: Ledger, study: str, generation: int) -> StudyRecord:
    def ended() -> bool:
        found = ledger.studies.get(study)
        return found.state is StudyState.REFUSED and found.generation == generation

    wait_for(ended, f"{study} is refused\n{node.tail()}")
    return ledger.studies.get(study)


def completions(ledger: Ledger, study: str) -> list[str]:
    return [event.detail for event in ledger.history(study) if event.event == "complete"]


def uids(files: Sequence[Path]) -> set[str]:
    return {str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID) for path in files}


def test_two_patients_when_interleaved_on_one_association_then_each_study_is_whole(
    node: Victim, ledger: Ledger, tmp_path: Path
) -> None:
    one, first = write(tmp_path / "one", "DWI", patient_id="ONE")
    other, second = write(tmp_path / "other", "T2", patient_id="OTHER")
    send(node, [path for pair in zip(first, second, strict=False) for path in pair] + second[len(first) :])
    for writer, files, code in ((one, first, "SM-MISSING-DWI"), (other, second, "SM-MISSING-T2")):
        ended = end_of(node, ledger, writer.study_instance_uid, len(files))
        assert ended.code == code
        known = {entry.sop_instance_uid for entry in ledger.studies.instances(writer.study_instance_uid)}
        assert known == uids(files)


def test_study_when_it_comes_over_five_associations_then_is_refused_once(
    node: Victim, ledger: Ledger, tmp_path: Path
) -> None:
    writer, files = write(tmp_path / "study", "DWI")
    for part in range(5):
        send(node, files[part::5])
        time.sleep(SETTLE_S / 4)  # The line is quiet between them, as between the series of an examination.
    assert end_of(node, ledger, writer.study_instance_uid, len(files)).images == len(files)
    assert completions(ledger, writer.study_instance_uid) == ["deadline, without DWI"]


def test_two_studies_of_one_patient_when_sent_at_once_then_are_not_mixed(
    node: Victim, ledger: Ledger, tmp_path: Path
) -> None:
    written = [write(tmp_path / name, "DWI") for name in ("before", "after")]
    threads = [threading.Thread(target=send, args=(node, files)) for _, files in written]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer, files in written:
        assert end_of(node, ledger, writer.study_instance_uid, len(files)).code == "SM-MISSING-DWI"
        known = {entry.sop_instance_uid for entry in ledger.studies.instances(writer.study_instance_uid)}
        assert known == uids(files)


def test_study_when_a_series_is_late_then_the_new_report_names_the_earlier_one(
    node: Victim, ledger: Ledger, tmp_path: Path
) -> None:
    writer, files = write(tmp_path / "study", "T2", "DWI")
    study = writer.study_instance_uid
    send(node, files)
    assert end_of(node, ledger, study, len(files)).code == "SM-MISSING-T2"
    writer.series("Ax T2 FS", T2, 500)
    late = sorted(set(writer.folder.glob("*.dcm")) - set(files))
    send(node, late)
    assert end_of(node, ledger, study, len(files) + len(late)).code == "SM-MISSING-DWI"
    earlier, report = (
        dcmread(node.storage / result.path)
        for result in ledger.studies.results(study)
        if result.kind is ObjectKind.SR
    )
    named = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == earlier.SOPInstanceUID
    assert "re-opened" in [event.event for event in ledger.history(study)]


def test_instance_when_it_comes_again_then_only_other_bytes_re_open_the_study_and_are_shown(
    node: Victim, ledger: Ledger, tmp_path: Path
) -> None:
    writer, files = write(tmp_path / "study", "DWI")
    study = writer.study_instance_uid
    send(node, files)
    end_of(node, ledger, study, len(files))
    send(node, files)
    assert ledger.studies.get(study).generation == len(files)
    ds = dcmread(files[0])
    ds.ImageComments = "sent again"
    ds.save_as(files[0])
    send(node, files[:1])
    ended = end_of(node, ledger, study, len(files) + 1)
    assert (ended.conflicting, ended.images) == (True, len(files))
    assert json_of(node, "show", study)["conflicting"] is True
    assert json_of(node, "explain", study)["came_again_with_other_bytes"] == [ds.SOPInstanceUID]
    assert f"{ds.SOPInstanceUID} came again with other bytes" in node.log.read_text(encoding="utf-8")


def test_study_of_today_when_the_hepatobiliary_phase_cannot_have_been_acquired_then_waits_beyond_the_deadline(
    node: Victim, ledger: Ledger, tmp_path: Path
) -> None:
    now = datetime.now()  # noqa: DTZ005 - DICOM times are local
    today, files = write(tmp_path / "today", "T1_HEPATOBILIARY", start=now - timedelta(seconds=700))
    old, others = write(tmp_path / "old", "T1_HEPATOBILIARY")
    send(node, [*files, *others])
    assert end_of(node, ledger, old.study_instance_uid, len(others)).code == "SM-NOHBP"
    explained = json_of(node, "explain", today.study_instance_uid)
    assert explained["state"] == "receiving"
    until = datetime.fromisoformat(explained["waits_for"].rpartition(" until ")[2])
    received = ledger.studies.get(today.study_instance_uid).last_received_at
    # The last image, diffusion, was acquired 600 s after the injection; the phase is due at 1200 s.
    assert (until - received).total_seconds() == pytest.approx(DEADLINE_S + 600, abs=1.5)


def json_of(node: Victim, verb: str, study: str) -> dict[str, Any]:
    result = mvi_node("studies", verb, study, "--json", "--config", str(node.configuration))
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found
