"""How a series is split into stacks, under the guards of the reference (A4)."""

from typing import Any

import pytest

from dicom_io.assembly import scan_folder
from dicom_io.assembly.subvolumes import SPATIAL, SubVolume, split_series
from tests.unit.dicom_io.assembly.header_studies import DWI, SLICES, T1, T2, StudyWriter


def stacks(writer: StudyWriter) -> list[SubVolume]:
    return split_series(scan_folder(writer.folder).frames)


def tags(found: list[SubVolume]) -> set[str]:
    return {stack.split_tag for stack in found}


@pytest.mark.parametrize("overlap", [1, 3])
def test_split_when_the_acquisition_number_counts_table_steps_then_it_makes_no_phases(
    writer: StudyWriter, overlap: int
) -> None:
    second = range(SLICES - overlap, 2 * SLICES - overlap)
    phases = [{"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}]
    uid = writer.series("Ax T1", T1, 0, phases=phases[:1])
    writer.series("Ax T1", T1, 0, slices=second, phases=phases[1:], SeriesInstanceUID=uid)
    found = stacks(writer)
    assert "AcquisitionNumber" not in tags(found)
    assert sum(len(stack.frames) for stack in found) == 2 * SLICES


def test_split_when_trigger_times_belong_to_slices_then_they_make_no_phases(writer: StudyWriter) -> None:
    writer.series("Ax T1", T1, phases=[{}, {}], frame=lambda _phase, k: {"TriggerTime": 10 * k})
    found = stacks(writer)
    assert tags(found) == {SPATIAL}
    assert [len(stack.frames) for stack in found] == [SLICES, SLICES]


def test_split_when_ge_says_how_many_locations_a_phase_has_then_blocks_of_numbers_are_phases(
    writer: StudyWriter,
) -> None:
    writer.series(
        "Ax LAVA",
        T1,
        phases=[{}, {}, {}],
        edit=lambda ds, _phase, _k: ds.private_block(0x0021, "GEMS_RELA_01", create=True).add_new(
            0x4F, "SS", SLICES
        ),
    )
    found = stacks(writer)
    assert tags(found) == {"LocationsInAcquisition"}
    assert [stack.frames[0].instance_number for stack in found] == [1, 1 + SLICES, 1 + 2 * SLICES]


def test_split_when_ge_counts_other_locations_then_the_guards_refuse_the_blocks(writer: StudyWriter) -> None:
    writer.series(
        "Ax LAVA",
        T1,
        phases=[{}, {}],
        edit=lambda ds, _phase, _k: ds.private_block(0x0021, "GEMS_RELA_01", create=True).add_new(
            0x4F, "SS", SLICES - 2
        ),
    )
    assert tags(stacks(writer)) == {SPATIAL}


def test_split_when_one_phase_lost_slices_then_it_is_a_phase_all_the_same(writer: StudyWriter) -> None:
    uid = writer.series("Ax T1", T1, 0, TemporalPositionIdentifier=1)
    writer.series("Ax T1", T1, 30, slices=range(6), TemporalPositionIdentifier=2, SeriesInstanceUID=uid)
    found = stacks(writer)
    assert tags(found) == {"TemporalPositionIdentifier"}
    assert [len(stack.frames) for stack in found] == [SLICES, 6]


@pytest.mark.parametrize(
    "phases",
    [
        [{"DiffusionGradientOrientation": list(axis)} for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))],
        [{"DiffusionDirectionality": word} for word in ("DIRECTIONAL", "ISOTROPIC", "NONE")],
        [{"ImageType": ["DERIVED", "PRIMARY", word]} for word in ("DIFFUSION", "ADC", "EADC")],
    ],
    ids=["direction", "directionality", "image type"],
)
def test_split_when_diffusion_images_are_of_several_kinds_then_each_is_a_stack(
    writer: StudyWriter, phases: list[dict[str, Any]]
) -> None:
    writer.series("ep2d_diff", DWI, 0, phases=phases, DiffusionBValue=800)
    assert [len(stack.frames) for stack in stacks(writer)] == [SLICES] * 3


def test_split_when_two_echoes_share_their_number_then_the_echo_time_parts_them(writer: StudyWriter) -> None:
    writer.series("Ax T2 dual", T2, 0, phases=[{"EchoTime": 30.0}, {"EchoTime": 90.0}], EchoNumbers=1)
    found = stacks(writer)
    assert sorted(stack.physics.echo_time_ms or 0 for stack in found) == [30, 90]
    assert tags(found) == {""}
