"""Derived UIDs are valid, stable and distinct."""

from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from dicom_io.results.uids import ResultUids, derive_uid


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
