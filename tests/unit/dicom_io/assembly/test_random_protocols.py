"""Random protocols, complete or with a phase missing: whatever is accepted must be right."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, ScanResult, SourceInstance, match_studies
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.facts import FrameFacts, Physics, SeriesFacts, Times
from dicom_io.assembly.text import normalise
from pipeline.study import Role
from tests.unit.dicom_io.assembly.header_studies import AXIAL

T1 = Physics(
    scanning_sequence=("GR",), acquisition_type="3D", repetition_time_ms=3.7, echo_time_ms=1.3, flip_angle_deg=12,
    slice_thickness_mm=5, fat_suppressed=True,
)  # fmt: skip
T2 = Physics(
    scanning_sequence=("SE",), acquisition_type="2D", repetition_time_ms=6000, echo_time_ms=90,
    echo_train_length=16, slice_thickness_mm=5, fat_suppressed=True,
)  # fmt: skip
DWI = Physics(
    scanning_sequence=("EP", "SE"), acquisition_type="2D", repetition_time_ms=6000, echo_time_ms=60,
    slice_thickness_mm=5, b_value_s_per_mm2=800,
)  # fmt: skip
WORDS = {
    Role.T1_PRE: "pre", Role.T1_ARTERIAL: "arterial", Role.T1_PORTAL: "portal", Role.T1_HEPATOBILIARY: "hbp"
}  # fmt: skip
DAY_S = 100_000.0


def series(number: int, description: str, physics: Physics, time_s: float) -> Iterator[FrameFacts]:
    facts = SeriesFacts(
        study_instance_uid="1.1", series_instance_uid=f"1.1.{number}", series_number=number,
        descriptions=(description,), search_text=normalise(description), patient_key="", modality="MR",
        manufacturer="", frame_of_reference_uid="1.9",
    )  # fmt: skip
    for k in range(10):
        yield FrameFacts(
            instance=SourceInstance(Path(f"{number}-{k}"), "", f"1.1.{number}.{k}"), frame_number=None,
            frame_count=1, series=facts, physics=physics, rows=256, columns=256, pixel_spacing_mm=(1.5, 1.5),
            orientation=tuple(AXIAL), position_lps_mm=(0, 0, 5.0 * k), times=Times(acquisition_s=DAY_S + time_s),
            temporal_position=None, acquisition_number=None, instance_number=k,
        )  # fmt: skip


def protocol(random_: random.Random) -> list[tuple[str, float]]:
    """Return phases and their times after the injection, s."""
    arterial = random_.uniform(15, 40)
    portal = max(random_.uniform(58, 85), arterial + 22)
    phases = [("pre", -random_.uniform(30, 200)), ("arterial", arterial), ("portal", portal)]
    phases += [("delay 3 min", random_.uniform(115, 300)), ("hbp", random_.uniform(900, 1500))]
    if random_.random() < 0.4:
        phases.append(("pre", -random_.uniform(230, 600)))
    if random_.random() < 0.4:
        phases.append(("delay 8 min", random_.uniform(310, 590)))
    if random_.random() < 0.4:
        phases.append(("hbp", random_.uniform(1510, 2000)))
    return sorted(phases, key=lambda phase: phase[1])


def run(phases: list[tuple[str, float]], *, labelled: bool) -> tuple[MatchResult, dict[str, str]]:
    frames: list[FrameFacts] = []
    truth: dict[str, str] = {}
    for number, (word, time_s) in enumerate(phases, start=1):
        frames += series(number, word if labelled else "Ax LAVA", T1, time_s)
        truth[f"1.1.{number}"] = word
    frames += [*series(90, "Ax T2", T2, 400), *series(91, "Ax DWI", DWI, 500)]
    (result,) = match_studies(ScanResult(tuple(frames)), load_series_rules())
    return result, truth


def wrong(result: MatchResult, truth: dict[str, str]) -> list[Role]:
    return [role for role in DYNAMIC_ROLES if truth[result.roles[role].series_instance_uid] != WORDS[role]]


@pytest.mark.parametrize("seed", range(25))
def test_match_when_a_random_protocol_is_complete_then_it_is_accepted_and_right(seed: int) -> None:
    result, truth = run(protocol(random.Random(seed)), labelled=True)
    assert result.code is None
    assert not wrong(result, truth)


@pytest.mark.parametrize("missing", WORDS.values())
@pytest.mark.parametrize("seed", range(10))
def test_match_when_a_phase_is_missing_then_it_is_refused(seed: int, missing: str) -> None:
    phases = [phase for phase in protocol(random.Random(seed)) if phase[0] != missing]
    for labelled in (True, False):
        assert run(phases, labelled=labelled)[0].status == "refused"


@pytest.mark.parametrize("seed", range(25))
def test_match_when_phases_are_not_labelled_then_no_acceptance_is_wrong(seed: int) -> None:
    result, truth = run(protocol(random.Random(seed)), labelled=False)
    assert result.code is not None or not wrong(result, truth)
