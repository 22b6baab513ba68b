"""That the soak notices what it is there to notice."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dicom_io.acceptance.report_facts import ReportFacts
from node.ledger.delivery_records import DeliveryState
from node.ledger.records import ObjectKind
from tests.faults.processes import LEDGER_HANDLES, Usage
from tests.faults.scanner import Shot
from tests.soak.growth import GROWTH_LIMITS_BYTES, Growth
from tests.soak.pacs import REPORT, Kept, SoakPacs
from tests.soak.stations import ANY_REFUSAL, SentStudy
from tests.soak.verdict import Verdict

UID = "1.2.3"
HELD = Usage(threads=5, handles=20, resident_bytes=100_000_000, peak_bytes=0)


def verdict(folder: Path, kept: dict[str, Kept], delivered: Sequence[str], code: str = "") -> Verdict:
    """Return the verdict on one study, whose ledger says that the objects of `delivered` are at the PACS."""
    study = SentStudy(folder, (Shot(folder, UID, "1.2.3.1", ""),), code)
    entries = [
        SimpleNamespace(sop_instance_uid=uid, kind=kind, state=DeliveryState.DELIVERED)
        for uid, kind in zip(delivered, (ObjectKind.SEG, ObjectKind.SR), strict=True)
    ]
    ledger = SimpleNamespace(
        studies=SimpleNamespace(results=lambda _: entries, all=lambda: ()),
        outbox=SimpleNamespace(of_study=lambda _: entries),
    )
    pacs = SoakPacs(folder)
    pacs.kept_objects = kept
    return Verdict(cast(Any, SimpleNamespace(studies=[study])), cast(Any, None), cast(Any, ledger), pacs)


def kept(folder: Path, *contents: str, times: int = 1) -> Kept:
    return Kept(folder / "none", "1.2", UID, set(contents), times)


@pytest.mark.parametrize(
    ("at_the_pacs", "said"),
    [
        ({"s": ("a",), "r": ("b",)}, ""),
        ({"s": ("a",)}, "not at the PACS"),
        ({"s": ("a",), "r": ("b", "c")}, "2 contents"),
        ({"s": ("a",), "r": ("b",), "x": ("d",)}, "the ledger does not"),
    ],
)
def test_objects_when_lost_changed_or_foreign_then_each_is_a_failure(
    tmp_path: Path, at_the_pacs: dict[str, tuple[str, ...]], said: str
) -> None:
    there = {uid: kept(tmp_path, *contents) for uid, contents in at_the_pacs.items()}
    found = verdict(tmp_path, there, ["s", "r"]).objects()
    assert found.failed == bool(said)
    assert said in found.detail


def facts(code: str, replaces: frozenset[str] = frozenset()) -> ReportFacts:
    return ReportFacts(code, "", None, False, {}, frozenset(), frozenset(), replaces)


@pytest.mark.parametrize(
    ("reports", "expected", "said"),
    [
        ({"1": facts("")}, "", ""),
        ({"1": facts("SM-MISSING-T2"), "2": facts("", frozenset({"1"}))}, "", ""),
        ({"1": facts("SM-MISSING-T2")}, ANY_REFUSAL, ""),
        ({}, "", "0 valid reports"),
        ({"1": facts(""), "2": facts("")}, "", "2 valid reports"),
        ({"1": facts("SM-MISSING-T2")}, "", "was answered SM-MISSING-T2, not analysed"),
        ({"1": facts("")}, ANY_REFUSAL, "was answered analysed, not any refusal"),
    ],
)
def test_answer_when_there_is_none_two_or_another_then_is_a_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reports: dict[str, ReportFacts],
    expected: str,
    said: str,
) -> None:
    there = {uid: Kept(tmp_path / uid, REPORT, UID, {"a"}, 1) for uid in reports}
    monkeypatch.setattr("tests.soak.verdict.dcmread", lambda path: SimpleNamespace(SOPInstanceUID=path.name))
    monkeypatch.setattr("tests.soak.verdict.read_report", lambda ds: reports[ds.SOPInstanceUID])
    found = verdict(tmp_path, there, ["s", "r"], expected).answers()
    assert found.failed == bool(said)
    assert said in found.detail


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (HELD, ""),
        (Usage(5, 20 + LEDGER_HANDLES, HELD.resident_bytes, 0), ""),
        (Usage(6, 20, HELD.resident_bytes, 0), "6 threads, before 5"),
        (Usage(5, 21 + LEDGER_HANDLES, HELD.resident_bytes, 0), "handles, before 20"),
        (Usage(5, 20, HELD.resident_bytes + GROWTH_LIMITS_BYTES["receiver"] + 1, 0), "it grew by 50 MB"),
    ],
)
def test_growth_when_more_is_held_than_before_then_says_of_what(after: Usage, said: str) -> None:
    growth = Growth(cast(Any, None), before={"receiver": HELD}, after={"receiver": after})
    assert "; ".join(growth.problems()).endswith(said)
    assert bool(growth.problems()) == bool(said)


def test_growth_when_the_receiver_is_gone_then_is_a_failure() -> None:
    growth = Growth(cast(Any, None), before={"receiver": HELD, "worker": HELD})
    assert growth.problems() == ["there is no receiver any more"]
