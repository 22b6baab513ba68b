"""Phases computed from one another or from a series beside them: refused, whatever they are called."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from scipy.ndimage import uniform_filter1d

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, assemble, inspect, inspect_files
from dicom_io.assembly.match_result import Assigned
from pipeline.study import Role
from pipeline.volume import Volume
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import DYNAMIC, GADOXETATE, T1, StudyWriter, standard
from tests.unit.dicom_io.assembly.test_pixel_sanity import BLOOD, LIVER, PHASES, phase, phases

RULES = load_series_rules()
ARTERIAL = Role.T1_ARTERIAL


@pytest.fixture
def accepted(writer: StudyWriter, match: Match) -> MatchResult:
    standard(writer)
    return match()


@pytest.mark.parametrize(
    ("suffix", "changes", "compared"),
    [
        (" x", {}, True),
        (" 2", {}, False),
        (" x", {"PixelSpacing": [1.1, 1.1]}, False),
        (" x", {"Rows": 16, "Columns": 64}, False),
    ],
    ids=["another name", "another number", "another grid", "another matrix"],
)
def test_match_when_a_phase_lies_on_the_chosen_one_then_pixels_will_tell_unless_it_is_a_repeat(
    writer: StudyWriter, match: Match, suffix: str, changes: dict[str, Any], *, compared: bool
) -> None:
    standard(writer)
    writer.series(f"Ax T1 arterial{suffix}", T1, 135, **GADOXETATE, **changes)
    result = match()
    assert result.code is None
    shown = [other.series_description for other in result.roles[ARTERIAL].others]
    assert bool(shown) is compared


def test_inspect_when_two_phases_are_of_one_acquisition_then_it_refuses(accepted: MatchResult) -> None:
    volumes = phases()
    # As bright as a portal phase would be, and with the noise of the arterial one.
    volumes[Role.T1_PORTAL] = phase(220.0, LIVER[Role.T1_PORTAL], seed=1)
    result = inspect(accepted, volumes, RULES)
    assert result.code == "SM-PIXEL"
    assert "arterial phase, and series 3" in result.message and "one acquisition" in result.message
    assert "[pixels] shared_noise" in result.message and "as it was acquired" in result.remedy


@pytest.mark.parametrize("role", PHASES)
def test_inspect_when_a_phase_is_a_thick_slab_then_it_refuses(accepted: MatchResult, role: Role) -> None:
    volumes = phases()
    thick = uniform_filter1d(volumes[role].array, 5, axis=0)
    result = inspect(accepted, {**volumes, role: Volume(thick, volumes[role].grid)}, RULES)
    assert result.code == "SM-PIXEL"
    assert "a projection or mean over several slices" in result.message and "[pixels] slab" in result.message


def body(volume: Volume) -> Callable[[Dataset, int, int], None]:
    """Return what puts a volume into the images of a series, slice by slice."""

    def edit(ds: Dataset, _phase: int, k: int) -> None:
        ds.Rows, ds.Columns = volume.array.shape[1:]
        ds.PixelData = np.rint(volume.array[k]).astype(np.uint16).tobytes()

    return edit


def study_beside(writer: StudyWriter, copy: Volume) -> None:
    """Write a study with a body in its phases, and beside the arterial one, ten seconds later, `copy`."""
    standard(writer, without=DYNAMIC, edit=body(phase(BLOOD[ARTERIAL], LIVER[ARTERIAL], seed=8)))
    for number, (role, word, time_s) in enumerate(
        zip(PHASES, ("pre", "arterial", "portal", "HBP 20 min"), (0, 125, 165, 1300), strict=True)
    ):
        agent = GADOXETATE if number else {}
        volume = phase(BLOOD[role], LIVER[role], seed=number)
        writer.series(f"Ax T1 {word}", T1, time_s, edit=body(volume), **agent)
    writer.series("Ax T1 arterial x", T1, 135, edit=body(copy), **GADOXETATE)


def processed() -> Volume:
    original = phase(BLOOD[ARTERIAL], LIVER[ARTERIAL], seed=1)
    return Volume(np.sqrt(original.array) * 40, original.grid)


@pytest.mark.parametrize(
    ("copy", "code"),
    [(processed(), "SM-AMBIG-T1_ARTERIAL"), (phase(BLOOD[ARTERIAL], LIVER[ARTERIAL], seed=9), None)],
    ids=["processed copy", "another breath-hold"],
)
def test_inspect_when_a_series_beside_is_a_copy_then_it_refuses_and_takes_a_second_breath_hold(
    writer: StudyWriter, match: Match, copy: Volume, code: str | None
) -> None:
    study_beside(writer, copy)
    accepted = match()
    assert accepted.code is None
    for result in (
        inspect_files(accepted, RULES),
        inspect(accepted, assemble(accepted, clinical={}).volumes, RULES),
    ):
        assert result.code == code
        if code is not None:
            assert (
                "series 4 (Ax T1 arterial)" in result.message and "series 7 (Ax T1 arterial x)" in result.message
            )
            assert "assign" in result.remedy


def test_inspect_when_a_person_says_which_is_the_original_then_it_stays(writer: StudyWriter, match: Match) -> None:
    study_beside(writer, processed())
    accepted = match()
    by_hand = replace(accepted.roles[ARTERIAL], assigned=Assigned("anna", "now"))
    result = inspect_files(replace(accepted, roles={**accepted.roles, ARTERIAL: by_hand}), RULES)
    assert result.code is None


def test_inspect_when_the_series_beside_cannot_be_decoded_then_it_tells_nothing(
    writer: StudyWriter, match: Match
) -> None:
    study_beside(writer, processed())
    accepted = match()
    for instance in accepted.roles[ARTERIAL].others[0].instances:
        instance.path.unlink()
    assert inspect_files(accepted, RULES).code is None
