from pathlib import Path
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from dicom_io.network.identity import (
    MAXIMUM_DEPTH,
    MAXIMUM_ELEMENTS,
    UnreadableInstanceError,
    read_file_identity,
    read_identity,
)
from tests.unit.dicom_io.network.instances import SERIES_INSTANCE_UID, STUDY_INSTANCE_UID, encode, mr_instance

TAIL = (
    b"\x20\x00\x0d\x00UI\x08\x001.2.3.4\x00"  # Study
    b"\x20\x00\x0e\x00UI\x08\x001.2.3.5\x00"  # Series
)
HEAD = b"\x08\x00\x16\x00UI\x06\x001.2.9\x00" + b"\x08\x00\x18\x00UI\x06\x001.2.7\x00"


def encoded(transfer_syntax_uid: str, *, undefined_lengths: bool = False) -> bytes:
    ds = mr_instance(sop_instance_uid="1.2.3.99")
    if undefined_lengths:
        ds["ReferencedImageSequence"].is_undefined_length = True
        ds.ReferencedImageSequence[0].is_undefined_length_sequence_item = True
    return encode(ds, transfer_syntax_uid)


@pytest.mark.parametrize("undefined_lengths", [False, True])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_identity_when_encoded_by_pydicom_then_is_what_was_written(syntax: str, undefined_lengths: bool) -> None:
    identity = read_identity(encoded(syntax, undefined_lengths=undefined_lengths), syntax)

    assert identity.study_instance_uid == STUDY_INSTANCE_UID
    assert identity.series_instance_uid == SERIES_INSTANCE_UID
    assert identity.sop_instance_uid == "1.2.3.99"
    assert identity.sop_class_uid == MRImageStorage
    assert identity.transfer_syntax_uid == syntax


def test_identity_when_pixel_data_is_cut_off_then_is_read_all_the_same() -> None:
    data_set = encoded(ExplicitVRLittleEndian)

    assert read_identity(data_set[:-100], ExplicitVRLittleEndian) == read_identity(
        data_set, ExplicitVRLittleEndian
    )


def test_identity_when_unknown_sequence_of_undefined_length_precedes_then_is_walked_as_implicit() -> None:
    # (0009,1001) UN, undefined length, one item of undefined length with one implicit element.
    private = (
        b"\x09\x00\x01\x10UN\x00\x00\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + b"\x09\x00\x02\x10\x04\x00\x00\x00ABCD"
        + b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
        + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    )

    assert read_identity(HEAD + private + TAIL, ExplicitVRLittleEndian).study_instance_uid == "1.2.3.4"


def test_identity_when_a_nested_item_names_a_study_then_only_the_top_level_counts() -> None:
    nested = (
        b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + b"\x20\x00\x0d\x00UI\x06\x006.6.6\x00"
        + b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
        + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    )

    assert read_identity(HEAD + nested + TAIL, ExplicitVRLittleEndian).study_instance_uid == "1.2.3.4"


@pytest.mark.parametrize(
    "uid",
    [
        b"../../../etc/passwd\x00",
        b"1.2\x00.3",
        b"1.2.3;rm -rf",
        b"",
        b"\x00\x00",
        b"1" * 66,
        b"1.2.\xff\xfe",
        b"1\n",
    ],
)
def test_identity_when_an_identifier_is_no_uid_then_is_refused(uid: bytes) -> None:
    value = b"\x20\x00\x0d\x00UI" + pack("<H", len(uid)) + uid

    with pytest.raises(UnreadableInstanceError, match="StudyInstanceUID is not a UID"):
        read_identity(HEAD + value + TAIL[16:], ExplicitVRLittleEndian)


@pytest.mark.parametrize(
    ("data_set", "because"),
    [
        (b"", "StudyInstanceUID is missing"),
        (HEAD, "StudyInstanceUID is missing"),
        (TAIL, "SOPInstanceUID is missing"),
        (HEAD + TAIL[:-3], "longer than the data set"),
        (HEAD + b"\x10\x00\x10\x00OB\x00\x00\x00\x00\x00\x80" + TAIL, "longer than the data set"),
        (HEAD + b"\x10\x00\x10\x00\x00\x00\x08\x00", "no valid VR"),
        (HEAD + b"\x10\x00", "ends in the middle"),
        (HEAD + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00", "never began"),
    ],
)
def test_identity_when_the_encoding_is_broken_then_says_how(data_set: bytes, because: str) -> None:
    with pytest.raises(UnreadableInstanceError, match=because):
        read_identity(data_set, ExplicitVRLittleEndian)


def test_identity_when_nested_ten_thousand_deep_then_is_refused_without_recursion() -> None:
    level = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"

    with pytest.raises(UnreadableInstanceError, match=f"deeper than {MAXIMUM_DEPTH}"):
        read_identity(HEAD + level * 10_000, ExplicitVRLittleEndian)


def test_identity_when_endless_elements_precede_then_gives_up() -> None:
    with pytest.raises(UnreadableInstanceError, match=f"more than {MAXIMUM_ELEMENTS}"):
        read_identity(HEAD + b"\x09\x00\x01\x10LO\x00\x00" * (MAXIMUM_ELEMENTS + 1), ExplicitVRLittleEndian)


def test_identity_when_deflated_then_is_refused_before_inflating() -> None:
    with pytest.raises(UnreadableInstanceError, match="deflated"):
        read_identity(b"anything", DeflatedExplicitVRLittleEndian)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12),
)
def test_identity_when_bytes_are_mutated_then_is_read_or_refused(
    syntax: str, mutations: list[tuple[int, int]]
) -> None:
    mutated = bytearray(encoded(syntax, undefined_lengths=True))
    for offset, value in mutations:
        mutated[offset] = value

    try:
        identity = read_identity(bytes(mutated), syntax)
    except UnreadableInstanceError:
        return
    assert set(identity.study_instance_uid) <= set("0123456789.")


def test_file_identity_when_written_by_pydicom_then_names_instance_and_sender(tmp_path: Path) -> None:
    ds = mr_instance(sop_instance_uid="1.2.3.42")
    ds.file_meta.SourceApplicationEntityTitle = "SCANNER"
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    found = read_file_identity(tmp_path / "a.dcm")

    assert (found.identity.sop_instance_uid, found.source_ae_title) == ("1.2.3.42", "SCANNER")


@pytest.mark.parametrize(
    "content", [b"", b"not DICOM at all" * 20, b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM\x02"]
)
def test_file_identity_when_it_is_no_dicom_file_then_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)

    with pytest.raises(UnreadableInstanceError, match=r"a\.dcm is not a DICOM file"):
        read_file_identity(path)


def test_file_identity_when_file_is_gone_then_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_file_identity(tmp_path / "absent.dcm")
