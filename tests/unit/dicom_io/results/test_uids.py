"""Derived UIDs are valid, stable and distinct."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from dicom_io.results.uids import ResultUids, analysis_uids, derive_uid
from pipeline.analysis import Analysis
from pipeline.study import Analyte, ClinicalValue
from tests.unit.dicom_io.results.synthetic_study import make_analysis, make_grid, make_match


@given(st.lists(st.text(max_size=20), max_size=5))
def test_uid_when_derived_then_it_is_valid_and_the_same_each_time(parts: list[str]) -> None:
    uid = derive_uid(*parts)

    assert UID(uid).is_valid
    assert len(uid) <= 44
    assert uid == derive_uid(*parts)


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_uid_when_parts_differ_then_uids_differ(first: list[str], second: list[str]) -> None:
    assert (derive_uid(*first) == derive_uid(*second)) == (first == second)


def test_uids_when_of_one_result_then_all_differ() -> None:
    uids = ResultUids("1.2.3", "key")

    all_uids = [
        *(uids.series(kind) for kind in ("SEG", "SR", "SC")),
        *(uids.instance(kind) for kind in ("SEG", "SR", "SC")),
        *(uids.lesion(number) for number in range(1, 4)),
        *(uids.margin(number) for number in range(1, 4)),
        uids.study_evidence(),
        uids.dimensions(),
    ]

    assert len(set(all_uids)) == len(all_uids)


def test_uid_when_derived_by_another_version_then_it_has_not_changed() -> None:
    # A change here would give every result in every archive a second copy.
    assert derive_uid("coding scheme", "99MVINODE") == "2.25.328746633373420429859709710084566205676"


AST = ClinicalValue(41.0, date(2025, 12, 20), "csv")


def analysis_with(*, missing: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> Analysis:
    analysis = make_analysis(make_grid(), warnings=warnings)
    assert analysis.risk is not None
    return replace(analysis, risk=replace(analysis.risk, missing_clinical=missing))


def test_uids_when_the_content_differs_then_no_two_are_the_same(tmp_path: Path) -> None:
    match = make_match(tmp_path, make_grid())
    variants: list[tuple[Analysis, Mapping[Analyte, ClinicalValue]]] = [
        (analysis_with(), {}),
        (analysis_with(missing=("ast_u_per_l",)), {}),
        (analysis_with(missing=("ast_u_per_l", "fibrinogen_g_per_l")), {}),
        (analysis_with(warnings=("AST was not used.",)), {}),
        (analysis_with(), {Analyte.AST: AST}),
        (analysis_with(), {Analyte.AST: replace(AST, collected_on=date(2025, 12, 21))}),
        (analysis_with(), {Analyte.AST: replace(AST, origin="hl7")}),
    ]

    keys = [
        analysis_uids(match, analysis, clinical=clinical, settings_sha256=settings).key
        for analysis, clinical in variants
        for settings in ("", "ef")
    ]

    assert len(set(keys)) == len(keys)


def test_uids_when_a_value_that_was_not_used_changes_then_they_stay(tmp_path: Path) -> None:
    match, unused = make_match(tmp_path, make_grid()), {Analyte.FIBRINOGEN: ClinicalValue(3.0)}

    with_it = analysis_uids(match, analysis_with(), clinical=unused, settings_sha256="")

    assert with_it == analysis_uids(match, analysis_with(), clinical={}, settings_sha256="")
