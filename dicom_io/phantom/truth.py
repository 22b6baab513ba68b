"""The truth beside a phantom study: ``truth.json``, ``label_map.nii.gz``, ``labs.csv``."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from dicom_io.phantom.classic import WrittenFrame
from dicom_io.phantom.identity import PhantomIdentity
from pipeline.analysis import ANALYTE_UNITS
from pipeline.phantom import PhantomCase
from pipeline.resampling import to_sitk
from pipeline.study import Role

LAB_COLUMNS = ("patient_id", "analyte", "value", "unit", "collected_on")
SPECIMEN_BEFORE = timedelta(days=2)


def truth_document(
    case: PhantomCase, frames: Sequence[WrittenFrame], *, vendor: str, scenario: str, code: str | None
) -> dict[str, object]:
    """Return ``truth.json`` with the keys of the command-line contract."""
    return {
        "seed": case.truth.seed,
        "vendor": vendor,
        "scenario": scenario,
        "mvi": case.truth.mvi,
        "imaging_log_odds": case.truth.imaging_log_odds,
        "clinical_log_odds": case.truth.clinical_log_odds,
        "clinical": {analyte.value: known.value for analyte, known in case.study.clinical.items()},
        "expected": {"status": "accepted" if code is None else "refused", "code": code},
        "roles": {role.value: entry for role in Role if (entry := _role(frames, role))},
        "transforms_lps_mm": {
            role.value: matrix.tolist() for role, matrix in case.truth.transforms_lps_mm.items()
        },
        "tumours": [
            {
                "longest_diameter_mm": tumour.longest_diameter_mm,
                "volume_cm3": tumour.volume_cm3,
                "centroid_lps_mm": list(tumour.centroid_lps_mm),
            }
            for tumour in case.truth.tumours
        ],
    }


def write_truth(folder: Path, case: PhantomCase, document: dict[str, object], identity: PhantomIdentity) -> None:
    """Write the three files of the truth into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    labels = case.truth.label_map
    sitk.WriteImage(to_sitk(labels.array, labels.grid), str(folder / "label_map.nii.gz"), useCompression=True)
    collected_on = (identity.injected_at - SPECIMEN_BEFORE).date().isoformat()
    with (folder / "labs.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(LAB_COLUMNS)
        for analyte, known in case.study.clinical.items():
            table.writerow(
                [identity.patient_id, analyte.value, f"{known.value:g}", ANALYTE_UNITS[analyte], collected_on]
            )


def _role(frames: Sequence[WrittenFrame], role: Role) -> dict[str, object] | None:
    """Return the instances of a role along the slice normal; frame numbers only for a part of one object."""
    chosen = sorted((frame for frame in frames if frame.role is role), key=lambda frame: frame.slice_index)
    if not chosen:
        return None
    sizes = Counter(frame.sop_instance_uid for frame in frames)
    uids = list(dict.fromkeys(frame.sop_instance_uid for frame in chosen))
    numbers = [frame.frame_number for frame in chosen]
    # Every frame in the stored order needs no numbers.
    whole = numbers[0] is None or (len(uids) == 1 and numbers == list(range(1, sizes[uids[0]] + 1)))
    return {
        "series_instance_uid": chosen[0].series_instance_uid,
        "sop_instance_uids": uids,
        "frame_numbers": None if whole else numbers,
    }
