"""One study in OHIF for all tests of the viewers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from tests.conformance.written import Written, write_refused
from tests.conftest import DemoRun
from tests.integration.orthanc import running_orthanc
from tests.viewers.browser import Viewer, running_viewer
from tests.viewers.shown_study import ShownStudy, by_height, series_of, store
from tests.viewers.site import running_site

PICTURES = Path(__file__).resolve().parents[2] / "build" / "viewers"
"""What was seen in the last run."""
RESULTS = ("seg.dcm", "sr.dcm", "summary.dcm")


@pytest.fixture(scope="module")
def shown(demo_run: DemoRun) -> ShownStudy:
    """Read the study of the demonstration, as the PACS received its results."""
    out = demo_run.out
    assert demo_run.result.returncode == 0, demo_run.result.stderr
    truth = json.loads((out / "study" / "truth" / "truth.json").read_text(encoding="utf-8"))
    segmented = truth["roles"]["T1_HEPATOBILIARY"]["series_instance_uid"]
    images = [pydicom.dcmread(path) for path in series_of(out / "study" / "dicom", {segmented})]
    return ShownStudy(
        by_height(images),
        pydicom.dcmread(out / "seg.dcm"),
        json.loads((out / "result.json").read_text(encoding="utf-8"))["risk"]["probability"],
        sitk.ReadImage(str(out / "study" / "truth" / "label_map.nii.gz")),
    )


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Write another study, which was refused."""
    return write_refused(tmp_path_factory.mktemp("refused"))


@pytest.fixture(scope="module")
def viewer(
    shown: ShownStudy, demo_run: DemoRun, refusal: Written, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Viewer]:
    """Open the study in OHIF: the segmented series, another of the same grid, and the results."""
    out = demo_run.out
    truth = json.loads((out / "study" / "truth" / "truth.json").read_text(encoding="utf-8"))
    series = {truth["roles"][role]["series_instance_uid"] for role in ("T1_HEPATOBILIARY", "T1_PORTAL")}
    with (
        running_orthanc(tmp_path_factory.mktemp("orthanc"), {}) as pacs,
        running_site(pacs.http_port) as url,
    ):
        files = series_of(out / "study" / "dicom", series)
        store([*files, *(out / name for name in RESULTS)], pacs.http_port)
        store([*refusal.sources, *refusal.results.instances], pacs.http_port)
        with running_viewer(url, shown.study_instance_uid, PICTURES) as running:
            yield running
