"""Where each vendor keeps b-value, direction, Dixon type, component and agent."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ImplicitVRLittleEndian

from dicom_io.assembly import scan_folder
from dicom_io.assembly.diffusion import csa_b_value
from dicom_io.assembly.facts import Physics
from tests.unit.dicom_io.assembly.header_studies import DWI, T1, T2, StudyWriter

Edit = Callable[[Dataset], None]


def private(group: int, creator: str, *elements: tuple[int, str, Any], reserved: bool = False) -> Edit:
    """Return a change that writes private elements, behind the block of another creator where `reserved`."""

    def edit(ds: Dataset) -> None:
        if reserved:
            ds.private_block(group, "SOMEBODY ELSE", create=True).add_new(0x01, "LO", "other")
        block = ds.private_block(group, creator, create=True)
        for last, vr, value in elements:
            block.add_new(last, vr, value)

    return edit


def both(*edits: Edit) -> Edit:
    def edit_all(ds: Dataset) -> None:
        for edit in edits:
            edit(ds)

    return edit_all


def plain(**elements: Any) -> Edit:
    def edit(ds: Dataset) -> None:
        for keyword, value in elements.items():
            setattr(ds, keyword, value)

    return edit


def csa(value: str, *, name: bytes = b"B_value") -> bytes:
    """Return a Siemens CSA image header of two tags, the second `name`."""

    def tag(title: bytes, text: str) -> bytes:
        item = text.encode() + b"\0"
        padded = item + b"\0" * (-len(item) % 4)
        head = title.ljust(64, b"\0") + struct.pack("<I4sIII", 1, b"IS\0\0", 6, 1, 77)
        return head + struct.pack("<IIII", len(item), len(item), 77, len(item)) + padded

    return b"SV10\4\3\2\1" + struct.pack("<II", 2, 77) + tag(b"EchoLinePosition", "64") + tag(name, value)


def physics(writer: StudyWriter, base: dict[str, Any], edit: Edit, *, implicit: bool = False) -> Physics:
    """Write one image and return its facts."""
    writer.series("x", base, 0, slices=[0], edit=lambda ds, _phase, _k: edit(ds))
    (path,) = writer.folder.glob("*.dcm")
    if implicit:
        _to_implicit(path)
    (frame,) = scan_folder(writer.folder).frames
    return frame.physics


def _to_implicit(path: Path) -> None:
    ds = dcmread(path)
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.save_as(path, implicit_vr=True, little_endian=True)


SIEMENS, UIH, GE = "SIEMENS MR HEADER", "Image Private Header", "GEMS_PARM_01"
PHILIPS, PHILIPS_MR = "Philips Imaging DD 001", "Philips MR Imaging DD 001"
B_VALUES: dict[str, tuple[Edit, float]] = {
    "public": (plain(DiffusionBValue=700.0), 700),
    "siemens": (private(0x0019, SIEMENS, (0x0C, "IS", 800)), 800),
    "siemens CSA": (private(0x0029, "SIEMENS CSA HEADER", (0x10, "OB", csa("600"))), 600),
    "ge": (private(0x0043, GE, (0x39, "IS", [800, 8, 0, 0])), 800),
    "ge offset": (private(0x0043, GE, (0x39, "IS", [1_000_000_800, 8, 0, 0])), 800),
    "philips": (private(0x2001, PHILIPS, (0x03, "FL", 600.0)), 600),
    "uih": (private(0x0065, UIH, (0x09, "FD", 929.75), (0x0A, "FD", 1000.0)), 1000),
    "uih actual": (private(0x0065, UIH, (0x09, "FD", 801.2)), 801),
    "canon": (plain(ImageComments="b=1500(0.445,0.000,0.895)"), 1500),
    "sequence name": (plain(SequenceName="*ep_b800t"), 800),
    "description": (plain(SeriesDescription="DWI b800"), 800),
}


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("vendor", B_VALUES)
def test_b_value_when_a_vendor_keeps_it_in_its_own_place_then_it_is_read(
    writer: StudyWriter, vendor: str, implicit: bool
) -> None:
    edit, expected = B_VALUES[vendor]
    assert physics(writer, DWI, edit, implicit=implicit).b_value_s_per_mm2 == expected


@pytest.mark.parametrize("vendor", [name for name in B_VALUES if name not in ("public", "canon")])
def test_b_value_when_the_public_element_is_there_then_it_comes_first(writer: StudyWriter, vendor: str) -> None:
    edit, _ = B_VALUES[vendor]
    assert physics(writer, DWI, both(edit, plain(DiffusionBValue=50.0))).b_value_s_per_mm2 == 50


def test_b_value_when_the_private_block_has_moved_then_the_creator_finds_it(writer: StudyWriter) -> None:
    edit = private(0x0019, SIEMENS, (0x0C, "IS", 800), reserved=True)
    assert physics(writer, DWI, edit).b_value_s_per_mm2 == 800


def test_b_value_when_the_number_is_another_creators_then_it_is_not_read(writer: StudyWriter) -> None:
    edit = private(0x0019, "SOMEBODY ELSE", (0x0C, "IS", 800))
    assert physics(writer, DWI, edit).b_value_s_per_mm2 is None


@pytest.mark.parametrize("base", [T1, T2], ids=["T1", "T2"])
def test_b_value_when_philips_writes_zero_into_every_image_then_it_is_no_diffusion(
    writer: StudyWriter, base: dict[str, Any]
) -> None:
    edit = both(private(0x2001, PHILIPS, (0x03, "FL", 0.0)), plain(DiffusionBValue=0.0))
    assert physics(writer, base, edit).b_value_s_per_mm2 is None


def test_sequence_when_philips_calls_a_spin_echo_diffusion_then_it_is_echo_planar(writer: StudyWriter) -> None:
    edit = private(0x2001, PHILIPS, (0x03, "FL", 0.0), (0x20, "LO", "DwiSE"))
    found = physics(writer, T2, edit)
    assert (found.scanning_sequence, found.b_value_s_per_mm2) == (("EP", "SE"), 0)


@pytest.mark.parametrize(
    "content", [b"", b"SV10", csa("600")[:100], csa("600", name=b"Other"), csa("x"), b"\xff" * 99]
)
def test_csa_when_it_is_cut_or_holds_no_b_value_then_none_is_found(content: bytes) -> None:
    assert csa_b_value(content) is None


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (plain(DiffusionDirectionality="ISOTROPIC"), "ISOTROPIC"),
        (private(0x0019, SIEMENS, (0x0D, "CS", "DIRECTIONAL")), "DIRECTIONAL"),
        (private(0x2001, PHILIPS, (0x04, "CS", "I")), "ISOTROPIC"),
        (private(0x2001, PHILIPS, (0x04, "CS", "O")), "DIRECTIONAL"),
        (plain(ImageType=["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW"]), "ISOTROPIC"),
        (plain(ImageComments="b=1500(0.445,0.000,0.895)"), "DIRECTIONAL"),
        (plain(), ""),
    ],
)
def test_directionality_when_a_vendor_says_it_then_it_is_read(
    writer: StudyWriter, edit: Edit, expected: str
) -> None:
    assert physics(writer, DWI, edit).directionality == expected


@pytest.mark.parametrize(
    "edit",
    [
        plain(DiffusionGradientOrientation=[0.6, 0.0, 0.8]),
        private(0x0019, SIEMENS, (0x0E, "FD", [0.6, 0.0, 0.8])),
        private(0x2005, PHILIPS_MR, (0xB0, "FL", 0.6), (0xB1, "FL", 0.0), (0xB2, "FL", 0.8)),
        private(0x0065, UIH, (0x37, "FD", [0.6, 0.0, 0.8])),
        private(0x0019, "GEMS_ACQU_01", (0xBB, "DS", "0.6"), (0xBC, "DS", "0"), (0xBD, "DS", "0.8")),
        plain(ImageComments="b=800(0.600,0.000,0.800)"),
    ],
    ids=["public", "siemens", "philips", "uih", "ge", "canon"],
)
def test_gradient_when_a_vendor_keeps_it_then_it_is_read(writer: StudyWriter, edit: Edit) -> None:
    assert physics(writer, DWI, edit).gradient == (0.6, 0.0, 0.8)


@pytest.mark.parametrize(
    ("image_type", "extra", "expected"),
    [
        (["ORIGINAL", "PRIMARY", "M", "NORM", "DIXON", "WATER"], plain(), "WATER"),
        (["ORIGINAL", "PRIMARY", "DIXON", "OPP_PHASE"], plain(), "OUT_PHASE"),
        (["DERIVED", "PRIMARY", "W", "W", "DERIVED"], plain(), "WATER"),
        (["DERIVED", "PRIMARY", "OP", "OP", "DERIVED"], plain(), "OUT_PHASE"),
        (["DERIVED", "PRIMARY", "M"], private(0x2005, PHILIPS_MR, (0x11, "CS", "F")), "FAT"),
        (["ORIGINAL", "PRIMARY", "OTHER"], plain(), None),
    ],
)
def test_dixon_when_a_vendor_codes_it_then_the_type_is_read(
    writer: StudyWriter, image_type: list[str], extra: Edit, expected: str | None
) -> None:
    assert physics(writer, T1, both(plain(ImageType=image_type), extra)).dixon == expected


def test_dixon_when_only_the_private_sequence_of_philips_says_it_then_it_is_read(writer: StudyWriter) -> None:
    item = Dataset()
    item.ImageType = ["DERIVED", "PRIMARY", "IP", "IP"]
    edit = private(0x2005, "Philips MR Imaging DD 005", (0x0F, "SQ", Items([item])))
    assert physics(writer, T1, edit).dixon == "IN_PHASE"


@pytest.mark.parametrize(("number", "expected"), [(0, "MAGNITUDE"), (1, "PHASE"), (2, "REAL"), (3, "IMAGINARY")])
def test_component_when_ge_numbers_it_then_it_is_named(writer: StudyWriter, number: int, expected: str) -> None:
    assert physics(writer, T1, private(0x0043, GE, (0x2F, "SS", number))).component == expected


def test_agent_when_it_is_coded_then_its_meaning_is_read(writer: StudyWriter) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "SCT", "Gadobutrol"
    assert physics(writer, T1, plain(ContrastBolusAgentSequence=Items([item]))).agent == "Gadobutrol"


def test_facts_when_images_differ_only_in_place_and_time_then_they_are_one_object(writer: StudyWriter) -> None:
    writer.series("Ax T1", T1, 0)
    frames = scan_folder(writer.folder).frames
    assert len({id(frame.physics) for frame in frames}) == 1
    assert len({id(frame.series) for frame in frames}) == 1


def test_agent_when_typed_and_coded_alike_then_it_is_said_once(writer: StudyWriter) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", "None"
    found = physics(writer, T1, plain(ContrastBolusAgent="NONE", ContrastBolusAgentSequence=Items([item])))
    assert found.agent == "NONE"
