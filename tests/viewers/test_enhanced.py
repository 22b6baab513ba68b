"""The results of an Enhanced MR source in OHIF: one instance, a frame a slice.

Where two phases share the object, as in dynamic acquisitions, OHIF makes a 4D volume of it and lays the SEG on
each phase at its place. That was looked at and is no test: such a viewport has no list of images to scroll by.
"""

from collections.abc import Iterator

import pydicom
import pytest

from tests.integration.orthanc import running_orthanc
from tests.viewers.browser import Rgb, Viewer, running_viewer
from tests.viewers.conftest import PICTURES
from tests.viewers.enhanced_study import EnhancedStudy, write_enhanced_study
from tests.viewers.pixels import dice, sample, tumour_coloured
from tests.viewers.shown_study import Mask, store
from tests.viewers.site import running_site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer("ohif"),
    pytest.mark.peer("chromium"),
    pytest.mark.peer("orthanc"),
]

ALIKE = 0.9
"""Least Dice of an overlay and the lesion on that slice; edges fall between pixels of the screen."""


@pytest.fixture(scope="module")
def enhanced(tmp_path_factory: pytest.TempPathFactory) -> EnhancedStudy:
    return write_enhanced_study(tmp_path_factory.mktemp("enhanced"))


@pytest.fixture(scope="module")
def viewer(enhanced: EnhancedStudy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """Open the study of the Enhanced MR object and its results."""
    study_instance_uid = str(pydicom.dcmread(enhanced.source, stop_before_pixels=True).StudyInstanceUID)
    with (
        running_orthanc(tmp_path_factory.mktemp("orthanc"), {}) as pacs,
        running_site(pacs.http_port) as url,
    ):
        store([enhanced.source, *enhanced.results.instances], pacs.http_port)
        with running_viewer(url, study_instance_uid, PICTURES) as running:
            yield running


def test_segmentation_of_an_enhanced_source_when_scrolled_then_each_frame_has_the_outline_of_its_slice(
    enhanced: EnhancedStudy, viewer: Viewer
) -> None:
    image, lesion = enhanced.image(), enhanced.analysis.lesion_map.array == 1
    held = [k for k in range(len(lesion)) if lesion[k].any()]
    viewer.open("AI MVI SEG")
    viewer.wait_for_segmentation()

    # At its ends the lesion changes most from slice to slice: the neighbour's outline would not pass.
    for k in (held[0] - 1, held[0], held[-1], held[-1] + 1):

        def wrong(page: Rgb, expected: Mask = lesion[k]) -> str:
            seen = tumour_coloured(sample(page, viewer.canvas(), image))
            if not expected.any():
                return "" if not seen.any() else "an outline beyond the lesion"
            return "" if dice(seen, expected) >= ALIKE else f"Dice {dice(seen, expected):.2f}"

        place = f"{image.SOPInstanceUID}/frames/{enhanced.frame_numbers[k]}"
        viewer.look_until(wrong, f"enhanced_slice_{k}", at=place)
