"""Every scenario of the phantom, of every vendor, gets the answer that its truth expects from series matching."""

from pathlib import Path
from typing import Any

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from dicom_io.phantom_series import VENDORS, list_scenarios, settings_for, write_phantom_study
from pipeline.phantom import PhantomCase, PhantomSettings, make_case

SCENARIO_NAMES = [str(entry["name"]) for entry in list_scenarios()["scenarios"]]


@pytest.fixture(scope="module")
def cases() -> dict[PhantomSettings, PhantomCase]:
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("scenario", SCENARIO_NAMES)
def test_matching_of_a_phantom_scenario_answers_as_its_truth_expects(
    cases: dict[PhantomSettings, PhantomCase], tmp_path: Path, vendor: str, scenario: str
) -> None:
    settings = settings_for(scenario)
    if settings not in cases:
        cases[settings] = make_case(7, settings=settings)
    case = cases[settings]
    truth: dict[str, Any] = write_phantom_study(case, tmp_path, vendor=vendor, scenario=scenario)
    (result,) = match_studies(scan_folder(tmp_path / "dicom"), load_series_rules())
    assert {"status": result.status, "code": result.code} == truth["expected"]
    for role, match in result.roles.items():
        expected = truth["roles"][role.value]
        assert match.series_instance_uid == expected["series_instance_uid"]
        assert [instance.sop_instance_uid for instance in match.instances] == expected["sop_instance_uids"]
    if truth["expected"]["status"] == "accepted":
        assert len(result.roles) == 6
