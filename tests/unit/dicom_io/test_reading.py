import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

import dicom_io.reading
from dicom_io.reading import OversizedFileError, read_file
from tests.unit.dicom_io.network.instances import mr_instance


def part10(syntax: str) -> bytes:
    file = BytesIO()
    mr_instance(transfer_syntax_uid=syntax).save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_read_file_when_it_is_ordinary_then_gives_what_pydicom_gives(syntax: str) -> None:
    content = part10(syntax)
    assert read_file(BytesIO(content)) == dcmread(BytesIO(content))
    found = read_file(BytesIO(content), tags=["StudyInstanceUID", Tag("Rows")], stop_before_pixels=True)
    assert [element.keyword for element in found] == ["StudyInstanceUID", "Rows"]
    assert (found.file_meta.TransferSyntaxUID, found.original_encoding) == (syntax, (False, True))


def test_read_file_when_it_stops_before_the_pixels_then_the_file_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(part10(ExplicitVRLittleEndian))
    with path.open("rb") as file:
        read_file(file, stop_before_pixels=True)
        assert file.read(4) == b"\xe0\x7f\x10\x00"


def test_read_file_when_it_inflates_beyond_the_limit_then_stops_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_io.reading, "MAXIMUM_INFLATED_BYTES", 2**20)
    content = part10(DeflatedExplicitVRLittleEndian)
    meta_end = 144 + int.from_bytes(content[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = (
        deflater.compress(zlib.decompress(content[meta_end:], -zlib.MAX_WBITS) + bytes(2**24)) + deflater.flush()
    )
    with pytest.raises(OversizedFileError, match="inflates to more than 1 MiB"):
        read_file(BytesIO(content[:meta_end] + bomb), stop_before_pixels=True)


def test_read_file_when_it_has_too_many_elements_then_stops_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_io.reading, "MAXIMUM_READS", 300)
    content = part10(ExplicitVRLittleEndian)
    with pytest.raises(OversizedFileError, match="more than 100 elements"):
        read_file(BytesIO(content + b"\xff\x6f\x10\x10SH\0\0" * 1000))


ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
PRIVATE_SEQUENCE = struct.pack("<HH", 0x6FFF, 0x1010) + b"SQ\0\0"
WANTED_SEQUENCE = struct.pack("<HH", 0x5200, 0x9230) + b"SQ\0\0"
UNDEFINED = b"\xff" * 4
SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)


@pytest.mark.parametrize("length", [UNDEFINED, None], ids=["undefined", "defined"])
@pytest.mark.parametrize("sequence", [PRIVATE_SEQUENCE, WANTED_SEQUENCE], ids=["private", "wanted"])
def test_read_file_when_a_sequence_has_too_many_items_then_stops_there(
    monkeypatch: pytest.MonkeyPatch, sequence: bytes, length: bytes | None
) -> None:
    monkeypatch.setattr(dicom_io.reading, "MAXIMUM_ITEMS", 100)

    def content(items: int) -> BytesIO:
        end = b"" if length is None else SEQUENCE_END
        own = length or struct.pack("<L", items * len(ITEM))
        return BytesIO(part10(ExplicitVRLittleEndian) + sequence + own + ITEM * items + end)

    assert len(read_file(content(90))[0x52009230 if sequence is WANTED_SEQUENCE else 0x6FFF1010].value) == 90
    with pytest.raises(OversizedFileError, match="items of sequences"):
        read_file(content(110))


def test_read_file_when_a_frame_needs_what_real_ones_need_then_a_tenth_of_the_limits_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dicom_io.reading, "MAXIMUM_READS", dicom_io.reading.MAXIMUM_READS // 10)
    monkeypatch.setattr(dicom_io.reading, "MAXIMUM_ITEMS", dicom_io.reading.MAXIMUM_ITEMS // 10)
    # Of 600 frames: 13 items and 300 reads each, as Philips writes them.
    frame = ITEM[:4] + UNDEFINED + (PRIVATE_SEQUENCE + UNDEFINED + ITEM + SEQUENCE_END) * 12 + ITEM_END
    content = part10(ExplicitVRLittleEndian) + WANTED_SEQUENCE + UNDEFINED + frame * 600 + SEQUENCE_END
    assert len(read_file(BytesIO(content)).PerFrameFunctionalGroupsSequence) == 600
