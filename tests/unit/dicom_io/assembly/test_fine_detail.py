"""The noise of two acquisitions is not the same; that of a processed copy is its original's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from scipy.ndimage import gaussian_filter, uniform_filter1d

from config.series_rules import load_series_rules
from dicom_io.assembly.fine_detail import SLICES, Block, likeness, middle, pairs_alike, thickness_beyond
from pipeline.study import Role

LIMITS = load_series_rules().pixels
SHAPE = (SLICES, 64, 80)

Process = Callable[[Block], Block]


def acquired(seed: int) -> Block:
    """Return a body of two tissues with noise, in air."""
    _, j, i = np.indices(SHAPE)
    body = ((j - 32) / 28) ** 2 + ((i - 40) / 34) ** 2 < 1
    signal = np.where(body, np.where(i < 40, 200.0, 120.0), 4.0)
    noisy = np.abs(signal + np.random.default_rng(seed).normal(0, 5, SHAPE))
    return np.asarray(noisy, dtype=np.float32)


PROCESSED: dict[str, Process] = {
    "sharpened": lambda block: 2 * block - gaussian_filter(block, (0, 1, 1)),
    "smoothed": lambda block: gaussian_filter(block, (0, 0.7, 0.7)),
    "corrected for the coil": lambda block: block * np.linspace(0.5, 1.5, SHAPE[2], dtype=np.float32),
    "inverted": lambda block: block.max() - block,
    "subtracted": lambda block: block - acquired(5) + 300,
}


def test_likeness_when_a_body_is_acquired_twice_then_little_is_alike() -> None:
    assert likeness(acquired(1), acquired(2)) < 0.2


@pytest.mark.parametrize("process", PROCESSED.values(), ids=PROCESSED)
def test_likeness_when_a_copy_is_processed_then_it_keeps_the_noise_of_its_original(process: Process) -> None:
    original = acquired(1)
    assert likeness(original, process(original)) > LIMITS.shared_noise


@pytest.mark.parametrize("other", [np.zeros(SHAPE), np.full(SHAPE, 7.0)], ids=["black", "flat"])
def test_likeness_when_there_is_nothing_to_compare_then_it_is_0(other: Block) -> None:
    assert likeness(acquired(1), other.astype(np.float32)) == 0.0


def test_thickness_when_one_phase_is_a_mean_over_slices_then_it_stands_out() -> None:
    blocks = {role: acquired(number) for number, role in enumerate(list(Role)[2:])}
    assert max(thickness_beyond(blocks).values()) < LIMITS.slab
    blocks[Role.T1_PORTAL] = uniform_filter1d(blocks[Role.T1_PORTAL], SLICES, axis=0)
    assert [role for role, value in thickness_beyond(blocks).items() if value > LIMITS.slab] == [Role.T1_PORTAL]


def test_thickness_when_there_are_two_phases_then_nothing_tells_what_is_usual() -> None:
    assert thickness_beyond({Role.T1_PRE: acquired(1), Role.T1_PORTAL: acquired(2)}) == {}


def test_pairs_when_shapes_differ_then_they_are_not_compared() -> None:
    blocks = {Role.T1_PRE: acquired(1), Role.T1_ARTERIAL: acquired(2), Role.T1_PORTAL: acquired(3)[:, :-2]}
    assert list(pairs_alike(blocks)) == [(Role.T1_PRE, Role.T1_ARTERIAL)]


@pytest.mark.parametrize(("slices", "first", "last"), [(12, 3, 7), (5, 0, 4), (3, 0, 2)])
def test_middle_when_a_stack_has_slices_then_it_is_their_middle(slices: int, first: int, last: int) -> None:
    assert list(range(slices))[middle(slices)] == list(range(first, last + 1))


def test_likeness_when_a_breast_is_acquired_three_times_in_one_coil_then_little_is_alike(realdata: Path) -> None:
    # The hardest case: nothing moves, so that all of the anatomy is in the same pixels.
    images = [dcmread(path) for path in (realdata / "ucsf_breast_dce" / "image_dce_3dfgre_orig").iterdir()]
    images.sort(key=lambda ds: (float(ds.ImagePositionPatient[0]), str(ds.AcquisitionTime)))
    stack = np.stack([ds.pixel_array for ds in images]).astype(np.float32).reshape(-1, 3, 256, 256)
    phases = dict(zip(list(Role)[2:5], np.moveaxis(stack, 1, 0), strict=True))
    for first in (10, 27, 45):
        alike = pairs_alike({role: block[first : first + SLICES] for role, block in phases.items()})
        assert len(alike) == 3
        assert max(alike.values()) < LIMITS.shared_noise / 1.5
    own = phases[Role.T1_ARTERIAL][27 : 27 + SLICES]
    assert likeness(own, gaussian_filter(own, (0, 0.7, 0.7))) > 0.8
