"""The main job through real processes: DCMTK is the scanner, Orthanc the PACS, dciodvfy the judge."""

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from dicom_io.results.wording import CLASSIFIER_TITLES, feature_title
from pipeline.analysis import Classifier
from pipeline.study import Analyte
from tests.integration.laboratory import ISSUER, LATE, MESSAGE_ID, Laboratory, laboratory
from tests.integration.orthanc import Orthanc, free_port, running_orthanc
from tests.integration.service import LOOPBACK, RunningNode, mvi_node, running_node

pytestmark = [pytest.mark.slow, pytest.mark.peer("dcmtk"), pytest.mark.peer("orthanc")]

ANALYSIS_S = 540.0


@dataclass(frozen=True)
class Loop:
    """Scanner, node and PACS around one study."""

    node: RunningNode
    pacs: Orthanc
    truth: dict[str, Any]
    study: dict[str, Any]
    folder: Path
    laboratory: Laboratory | None

    def received(self, modality: str) -> Path:
        """Return the one instance of a modality that the PACS holds, as a file."""
        (instance,) = self.pacs.instances_of_modality(modality)
        path = self.folder / f"{modality}.dcm"
        path.write_bytes(self.pacs.file(instance))
        return path


@pytest.fixture(scope="module", params=["standard", "oblique"])
def loop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    folder = tmp_path_factory.mktemp("loop")
    made = mvi_node("phantom", str(folder / "phantom"), "--seed", "11", "--scenario", request.param)
    assert made.returncode == 0, made.stderr
    truth = json.loads((folder / "phantom" / "truth" / "truth.json").read_text(encoding="utf-8"))
    port = free_port()
    (folder / "pacs").mkdir()
    around = request.param == "standard"
    with (
        laboratory(folder, folder / "phantom" / "truth" / "labs.csv") if around else nullcontext() as lab,
        running_orthanc(folder / "pacs", {"node": ("MVINODE", LOOPBACK, port)}) as pacs,
    ):
        peers: list[dict[str, object]] = [
            {"name": "scanner", "ae_title": "STORESCU", "host": LOOPBACK, "may_send": True},
            {
                "name": "pacs",
                "ae_title": pacs.ae_title,
                "host": LOOPBACK,
                "port": pacs.port,
                "receives_results": True,
            },
        ]
        with running_node(folder / "node", port, peers, settle_s=1.0, check_every_s=0.5) as node:
            send = ["/usr/bin/storescu", "-aec", node.ae_title, "+sd", "+r", LOOPBACK, str(node.port)]
            subprocess.run(
                [*send, str(folder / "phantom" / "dicom")], check=True, capture_output=True, timeout=120
            )
            (listed,) = node.json("studies", "list")["studies"]
            uid = listed["study_instance_uid"]
            study = node.wait_for_state(uid, ("delivered", "undelivered", "failed"), ANALYSIS_S)
            yield Loop(node, pacs, truth, study, folder, lab)


def test_study_when_sent_by_dcmtk_then_delivered_and_committed_by_orthanc(loop: Loop) -> None:
    assert loop.study["state"] == "delivered"
    assert {len(loop.pacs.instances_of_modality(modality)) for modality in ("SEG", "SR", "OT")} == {1}


@pytest.mark.peer("dicom3tools")
@pytest.mark.parametrize("modality", ["SEG", "SR"])
def test_result_when_judged_by_dciodvfy_then_holds_no_error(loop: Loop, modality: str) -> None:
    result = subprocess.run(
        ["/usr/bin/dciodvfy", str(loop.received(modality))], capture_output=True, text=True, check=False
    )
    assert [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("Error")] == []


def test_segmentation_when_read_by_simpleitk_and_highdicom_then_the_same_voxels(loop: Loop) -> None:
    path = loop.received("SEG")
    seg = hd.seg.segread(path)
    ours = np.stack([seg.get_volume(segment_numbers=[n]).array[..., 0] > 0 for n in seg.segment_numbers])
    # SimpleITK reads the frames in stored order: segment by segment, position by position.
    frames = sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0
    assert int(frames.sum()) == int(ours.sum())
    truth = sitk.ReadImage(str(loop.folder / "phantom" / "truth" / "label_map.nii.gz"))
    assert seg.get_volume(segment_numbers=[1]).spatial_shape[0] == truth.GetSize()[2]


def test_segmentation_when_compared_with_the_planted_tumour_then_overlaps_it(loop: Loop) -> None:
    seg = hd.seg.segread(loop.received("SEG"))
    volume = seg.get_volume(segment_numbers=[1])
    truth = sitk.ReadImage(str(loop.folder / "phantom" / "truth" / "label_map.nii.gz"))
    inside = np.argwhere(volume.array[..., 0] > 0)
    points = volume.map_indices_to_reference(inside) if inside.size else np.zeros((0, 3))
    hits = sum(truth.GetPixel(truth.TransformPhysicalPointToIndex(point.tolist())) == 2 for point in points)
    planted = int((sitk.GetArrayViewFromImage(truth) == 2).sum())
    assert 2 * hits / (len(points) + planted) >= 0.6


def test_matched_series_when_compared_with_the_truth_then_all_six_are_right(loop: Loop) -> None:
    explained = loop.node.json("studies", "explain", loop.study["study_instance_uid"])
    for role, wanted in loop.truth["roles"].items():
        assert sorted(explained["roles"][role]["sop_instance_uids"]) == sorted(wanted["sop_instance_uids"]), role


def said(report: Path | bytes) -> list[str]:
    """Return the texts and numbers of a report, in its order."""
    ds = pydicom.dcmread(report if isinstance(report, Path) else BytesIO(report))

    def walk(item: pydicom.Dataset) -> Iterator[str]:
        yield str(item.get("TextValue") or "")
        yield from (str(value.NumericValue) for value in item.get("MeasuredValueSequence") or ())
        for child in item.get("ContentSequence") or ():
            yield from walk(child)

    return [text for text in walk(ds) if text]


def test_report_when_a_value_is_unknown_then_names_it_and_uses_images_alone(loop: Loop) -> None:
    report = said(loop.received("SR"))
    assert CLASSIFIER_TITLES[Classifier.RADIOMICS] in report
    # The FHIR server knows all but one of the values.
    missing = [feature_title(LATE)] if loop.laboratory is not None else [feature_title(name) for name in Analyte]
    assert ", ".join(missing) in report


def test_values_when_the_last_comes_over_mutual_tls_then_the_result_is_superseded_with_their_provenance(
    loop: Loop,
) -> None:
    lab = loop.laboratory
    if lab is None:
        assert loop.node.json("labs", "list") == {"values": []}
        return
    assert set(lab.server.tokens) == {"Bearer secret"}
    with pytest.raises((ssl.SSLError, ConnectionError)):
        lab.send(lab.rest(), lab.stranger)
    assert lab.send(lab.rest(), lab.known) == "AA"
    deadline = time.monotonic() + ANALYSIS_S
    while len(reports := loop.pacs.instances_of_modality("SR")) < 2:
        assert time.monotonic() < deadline, loop.node.log.read_text(encoding="utf-8")[-3000:]
        time.sleep(1)
    files = [loop.pacs.file(instance) for instance in reports]
    (later,) = [file for file in files if "PredecessorDocumentsSequence" in pydicom.dcmread(BytesIO(file))]
    report = said(later)
    assert CLASSIFIER_TITLES[Classifier.RADIOMICS_AND_CLINICAL] in report
    assert "measured on the images: longest diameter of the largest lesion" in report
    assert {"hl7 LAB|HOSP", MESSAGE_ID, f"{lab.as_sent} mg/dL"} <= set(report)
    assert {f"fhir {lab.server.url}", "Observation/ast-u-per-l/_history/1"} <= set(report)
    shown = loop.node.json("labs", "show", lab.patient_id, "--issuer", ISSUER)
    used = {row["analyte"]: row["value"] for row in shown["values"] if row["collected_at"].startswith(lab.day)}
    assert used == pytest.approx(dict(lab.values))
    assert [row["code"] for row in shown["refused"]] == ["LAB-TEXT"]


def test_assignment_when_made_on_the_running_node_then_a_whole_new_result_says_so_and_replaces_the_first(
    loop: Loop,
) -> None:
    uid = loop.study["study_instance_uid"]
    if loop.laboratory is not None:
        # Its result is superseded by a value already; one more analysis would prove the same.
        assert loop.node.json("studies", "assign", uid)["assignments"] == []
        return
    (first,) = [pydicom.dcmread(BytesIO(loop.pacs.file(one))) for one in loop.pacs.instances_of_modality("SR")]
    chosen = loop.truth["roles"]["T2"]["series_instance_uid"]
    answer = loop.node.json("studies", "assign", uid, f"T2={chosen}")
    assert (answer["match"]["code"], answer["state"]) == (None, "ready")
    deadline = time.monotonic() + ANALYSIS_S
    while len(reports := loop.pacs.instances_of_modality("SR")) < 2:
        assert time.monotonic() < deadline, loop.node.log.read_text(encoding="utf-8")[-3000:]
        time.sleep(1)
    found = [pydicom.dcmread(BytesIO(loop.pacs.file(one))) for one in reports]
    (later,) = [report for report in found if report.SOPInstanceUID != first.SOPInstanceUID]
    (replaced,) = later.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert replaced.ReferencedSOPInstanceUID == first.SOPInstanceUID
    stream = BytesIO()
    later.save_as(stream)
    report = said(stream.getvalue())
    assert any("assigned by hand as the axial T2" in text for text in report)
    assert CLASSIFIER_TITLES[Classifier.RADIOMICS] in report
    assert loop.node.wait_for_state(uid, ("delivered",), ANALYSIS_S)["state"] == "delivered"
    assert loop.node.json("studies", "explain", uid)["roles"]["T2"]["origin"] == "user"
