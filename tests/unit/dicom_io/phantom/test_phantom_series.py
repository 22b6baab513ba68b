import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813

from dicom_io.phantom.scenarios import SCENARIOS
from dicom_io.phantom_series import (
    VENDORS,
    PhantomRequestError,
    list_scenarios,
    settings_for,
    write_phantom_study,
)
from pipeline.resampling import grid_of
from pipeline.study import Analyte, Role
from tests.unit.dicom_io.phantom.conftest import Written


def _headers(out: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted((out / "dicom").rglob("*.dcm"))]


def _of(headers: list[pydicom.Dataset], uid: str) -> list[pydicom.Dataset]:
    return [ds for ds in headers if ds.SeriesInstanceUID == uid]


def _roles(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(document["roles"])


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.DWI])
def test_series_read_by_another_library_has_the_grid_and_values_of_the_case(written: Written, role: Role) -> None:
    case, out, document = written
    uid = _roles(document)[role.value]["series_instance_uid"]
    folders = [f for f in (out / "dicom").iterdir() if uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(f))]
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folders[0]), uid))
    volume = case.study.volumes[role]
    assert grid_of(image).is_close(volume.grid)
    assert (sitk.GetArrayFromImage(image) == volume.array).all()


def test_diffusion_series_holds_both_weightings_in_public_and_private_elements(written: Written) -> None:
    case, out, document = written
    role = _roles(document)["DWI"]
    series = _of(_headers(out), role["series_instance_uid"])
    slices = case.study.volumes[Role.DWI].grid.shape[0]
    assert len(series) == 2 * slices
    values = {}
    for ds in series:
        values[ds.SOPInstanceUID] = ds.DiffusionBValue
        assert ds.private_block(0x0043, "GEMS_PARM_01")[0x39].value[0] == ds.DiffusionBValue
    assert {values[uid] for uid in role["sop_instance_uids"]} == {800.0}
    assert sorted(values.values()) == [0.0] * slices + [800.0] * slices


def test_role_instances_are_listed_along_the_slice_normal(written: Written) -> None:
    case, out, document = written
    by_uid = {ds.SOPInstanceUID: ds for ds in _headers(out)}
    for role in Role:
        grid = case.study.volumes[role].grid
        positions = [by_uid[uid].ImagePositionPatient for uid in _roles(document)[role.value]["sop_instance_uids"]]
        expected = grid.to_lps_mm([[0, 0, k] for k in range(grid.shape[0])])
        assert np.array(positions, float) == pytest.approx(expected, abs=1e-4)


def test_phases_are_timed_as_they_were_simulated(written: Written) -> None:
    _, out, document = written
    headers = _headers(out)

    def acquired(role: str) -> datetime:
        ds = _of(headers, _roles(document)[role]["series_instance_uid"])[0]
        return datetime.strptime(ds.AcquisitionDate + ds.AcquisitionTime, "%Y%m%d%H%M%S")  # noqa: DTZ007

    arterial = _of(headers, _roles(document)["T1_ARTERIAL"]["series_instance_uid"])[0]
    injected = datetime.strptime(arterial.AcquisitionDate + arterial.ContrastBolusStartTime, "%Y%m%d%H%M%S")  # noqa: DTZ007
    after_s = {role.value: (acquired(role.value) - injected).total_seconds() for role in Role}
    assert after_s["T1_PRE"] < 0
    assert (after_s["T1_ARTERIAL"], after_s["T1_PORTAL"], after_s["T1_HEPATOBILIARY"]) == (25, 65, 1200)
    # With gadoxetate, T2 and diffusion fill the wait.
    assert 65 < after_s["T2"] < after_s["DWI"] < 1200


def test_headers_carry_the_protocol_of_the_paper_and_the_agent_only_after_injection(written: Written) -> None:
    _, out, document = written
    headers = _headers(out)
    expected = {"T2": (12000, 90), "DWI": (5000, 56.1), "T1_PRE": (3.7, 1.1), "T1_HEPATOBILIARY": (2.8, 1.3)}
    for role, (tr_ms, te_ms) in expected.items():
        ds = _of(headers, _roles(document)[role]["series_instance_uid"])[0]
        assert (float(ds.RepetitionTime), float(ds.EchoTime)) == (tr_ms, te_ms)
        assert "FS" in ds.ScanOptions
        assert ("ContrastBolusAgent" in ds) == (role != "T1_PRE")
    assert {ds.Manufacturer for ds in headers} == {"GE MEDICAL SYSTEMS"}
    assert len({ds.FrameOfReferenceUID for ds in headers}) == 1
    assert len({ds.StudyInstanceUID for ds in headers}) == 1
    assert len({ds.SOPInstanceUID for ds in headers}) == len(headers)


def test_distractors_are_there_and_fill_no_role(written: Written) -> None:
    _, out, document = written
    roles = {entry["series_instance_uid"] for entry in _roles(document).values()}
    others = {ds.SeriesDescription for ds in _headers(out) if ds.SeriesInstanceUID not in roles}
    assert len(others) == 4
    assert len(roles) == 6
    for word in ("Loc", "Diffusion Coefficient", "SUB", "Cor"):
        assert any(word in description for description in others)


def test_truth_has_the_keys_of_the_contract_and_lies_on_the_hepatobiliary_grid(written: Written) -> None:
    case, out, document = written
    stored = json.loads((out / "truth" / "truth.json").read_text())
    assert stored == json.loads(json.dumps(document))
    assert {
        "seed",
        "vendor",
        "scenario",
        "mvi",
        "clinical",
        "expected",
        "roles",
        "transforms_lps_mm",
        "tumours",
    } <= set(stored)
    assert stored["expected"] == {"status": "accepted", "code": None}
    assert set(stored["transforms_lps_mm"]) == {role.value for role in Role}
    assert stored["clinical"] == {a.value: case.study.clinical[a].value for a in Analyte}
    labels = sitk.ReadImage(str(out / "truth" / "label_map.nii.gz"))
    assert grid_of(labels).is_close(case.study.volumes[Role.T1_HEPATOBILIARY].grid, tolerance_mm=0.01)
    assert (sitk.GetArrayFromImage(labels) == case.truth.label_map.array).all()


def test_labs_are_the_clinical_values_of_the_patient_before_the_study(written: Written) -> None:
    case, out, _ = written
    headers = _headers(out)
    with (out / "truth" / "labs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["analyte"]: float(row["value"]) for row in rows} == {
        analyte.value: known.value for analyte, known in case.study.clinical.items()
    }
    assert {row["patient_id"] for row in rows} == {headers[0].PatientID}
    assert all(row["collected_on"].replace("-", "") < headers[0].StudyDate for row in rows)


def test_writing_the_same_case_twice_gives_the_same_bytes(written: Written, tmp_path: Path) -> None:
    case, out, _ = written
    write_phantom_study(case, tmp_path, vendor="ge", scenario="oblique")
    for path in sorted((out / "dicom" / "s0008").iterdir()):
        assert (tmp_path / "dicom" / "s0008" / path.name).read_bytes() == path.read_bytes()


def test_unknown_vendor_or_scenario_or_a_used_folder_is_refused(written: Written, tmp_path: Path) -> None:
    case, out, _ = written
    with pytest.raises(PhantomRequestError, match="acme"):
        write_phantom_study(case, tmp_path, vendor="acme")
    with pytest.raises(PhantomRequestError, match="sunday"):
        write_phantom_study(case, tmp_path, scenario="sunday")
    with pytest.raises(PhantomRequestError, match="not empty"):
        write_phantom_study(case, out)
    with pytest.raises(PhantomRequestError, match=r"'vframe' makes no sense for ge; it is one of uih"):
        write_phantom_study(case, tmp_path, vendor="ge", scenario="vframe")
    assert not (tmp_path / "dicom").exists()


def test_every_listed_scenario_has_settings_and_a_status() -> None:
    listed = list_scenarios()["scenarios"]
    assert {entry["name"] for entry in listed} == set(SCENARIOS)
    for entry in listed:
        assert settings_for(str(entry["name"])).with_distractors
        assert (entry["status"] == "refused") == bool(entry["code"])
        assert entry["vendors"]
        assert set(SCENARIOS[str(entry["name"])].vendors) <= set(VENDORS)
