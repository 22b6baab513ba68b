from dataclasses import replace
from pathlib import Path

import pytest

from dicom_io.assembly.patient import PatientKey
from node.audit.patients import Patients
from node.audit.trail import Trail
from node.ledger.changes import Changes
from node.ledger.ledger import Ledger
from node.ledger.purges import Extent
from tests.unit.dicom_io.network.instances import mr_instance
from tests.unit.node.audit.test_trail import EVENT
from tests.unit.node.doubles import STUDY, FakeClock, instance


def patients(folder: Path, ledger: Ledger, clock: FakeClock) -> Patients:
    return Patients(folder, Changes(ledger.engine, clock), Trail(folder))


def test_patient_when_an_image_is_there_then_is_read_from_it(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    record = instance(clock)
    ledger.record_instance(record)
    ds = mr_instance(study_instance_uid=STUDY, rows=16)
    ds.PatientID = "P-7"
    path = tmp_path / record.path
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    assert patients(tmp_path, ledger, clock).of_study(STUDY) == "P-7"


def test_patient_when_the_images_are_deleted_then_is_what_the_trail_said_before(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    ledger.record_instance(instance(clock))
    trail = Trail(tmp_path)
    trail.append(replace(EVENT, study_instance_uid=f"{STUDY}.9", patient_id="ANOTHER"))
    trail.append(replace(EVENT, study_instance_uid=STUDY, patient_id="P-7"))
    ledger.purges.purge(STUDY, Extent(), "by anna", lambda: None, lambda *_: True)
    assert patients(tmp_path, ledger, clock).of_study(STUDY) == "P-7"


@pytest.mark.parametrize("error", [FileNotFoundError(), ValueError("EVIL^NAME")])
def test_patient_when_the_image_cannot_be_read_then_nobody_knows_and_the_log_does_not_quote_it(
    tmp_path: Path, ledger: Ledger, clock: FakeClock, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.record_instance(instance(clock))

    def read(_: Path) -> PatientKey:
        raise error

    asked = Patients(tmp_path, Changes(ledger.engine, clock), Trail(tmp_path), read)
    assert not asked.of_study(STUDY)
    assert STUDY in caplog.text
    assert "EVIL" not in caplog.text


def test_patient_when_the_study_was_never_there_then_nobody_knows(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    assert not patients(tmp_path, ledger, clock).of_study(STUDY)
