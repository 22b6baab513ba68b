"""The tables of the conformance statement are those of the code and of what it writes; `make conformance`."""

from pathlib import Path

from pydicom import dcmread

from deploy.conformance import DOCUMENT, OUTPUTS, TABLES, attributes, filled
from node.ledger.records import ObjectKind
from tests.deploy.small_results import write_small_results


def test_statement_when_its_tables_are_written_anew_then_nothing_changes() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert filled(text, {name: make() for name, make in TABLES.items()}) == text


def test_statement_when_compared_with_results_then_has_their_classes_and_attributes(tmp_path: Path) -> None:
    write_small_results(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")
    found = {f"attributes-{kind}": attributes(tmp_path / f"{kind}.dcm") for kind in ObjectKind}
    assert filled(text, found) == text
    for kind, (sop_class_uid, _) in OUTPUTS.items():
        assert dcmread(tmp_path / f"{kind}.dcm", stop_before_pixels=True).SOPClassUID == sop_class_uid
