"""The archive of the node benchmark says when it had written the report of a study, and of no other."""

import os
from pathlib import Path

from tests.bench.bench_node import report_stored
from tests.unit.dicom_io.network.instances import mr_instance


def test_report_when_others_lie_beside_it_then_its_own_time_is_told(tmp_path: Path) -> None:
    for number, (study, modality) in enumerate([("1.2.1", "SR"), ("1.2.2", "SEG"), ("1.2.2", "SR")]):
        ds = mr_instance(sop_instance_uid=f"1.2.3.{number}", study_instance_uid=study)
        ds.Modality = modality
        path = tmp_path / f"{number}.dcm"
        ds.save_as(path, enforce_file_format=True)
        os.utime(path, (number, number))
    assert report_stored(tmp_path, "1.2.2") == 2.0
