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
