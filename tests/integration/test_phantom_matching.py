"""Every scenario of the phantom gets the answer that its truth expects from series matching.

Scenarios that depend on the vendor are matched for each of them, the others for two vendors in turn;
the benchmark matches all.
"""

from pathlib import Path

import pytest

from config.series_rules import load_series_rules
from dicom_io.phantom.scenarios.processed import SCENARIOS as PROCESSED
from tests.integration.scenario_table import Cases, answer, everyday

SEED = 7


def table() -> list[object]:
    return [pytest.param(vendor, scenario, id=f"{vendor}-{scenario}") for vendor, scenario in everyday()]


@pytest.fixture(scope="module")
def cases() -> Cases:
    return Cases(SEED)


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "scenario"), table())
def test_matching_of_a_phantom_scenario_answers_as_its_truth_expects(
    cases: Cases, tmp_path: Path, vendor: str, scenario: str
) -> None:
    # Where headers are all that differs, one look at the pixels is enough.
    pixels = scenario in ("standard", "oblique", "dixon", "low-field", "flipped", "reversed-phases", *PROCESSED)
    outcome = answer(cases, vendor, scenario, tmp_path, load_series_rules(), pixels=pixels)
    assert outcome.right, str(outcome)
    if outcome.code is None:
        assert bool(outcome.warnings) is (scenario == "unnamed-agent"), outcome.warnings
