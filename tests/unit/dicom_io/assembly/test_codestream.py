import struct

import numpy as np
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dicom_io.assembly.codestream import frame_problem
from tests.unit.dicom_io.network.instances import mr_instance

ROWS = 64


def compressed(syntax: UID) -> bytes:
    ds = mr_instance(rows=ROWS)
    ds.PixelData = np.random.default_rng(3).integers(0, 4000, (ROWS, ROWS), dtype=np.uint16).tobytes()
    ds.compress(syntax, generate_instance_uid=False)
    return next(generate_frames(ds.PixelData, number_of_frames=1))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_frame_problem_when_an_encoder_wrote_it_then_only_the_right_size_passes(syntax: UID) -> None:
    frame = compressed(syntax)
    assert frame_problem(frame, syntax, ROWS, ROWS) == ""
    assert frame_problem(frame, syntax, ROWS, ROWS // 2) != ""


@pytest.mark.parametrize(("syntax", "marker"), [(JPEGLosslessSV1, 0xC3), (JPEGLSLossless, 0xF7)])
def test_frame_problem_when_a_jpeg_has_other_segments_first_then_its_size_is_found(
    syntax: UID, marker: int
) -> None:
    start = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"\xff\xc3" * 7
    frame = start + struct.pack(">BBHBHHB", 0xFF, marker, 11, 12, 512, 384, 1)
    assert frame_problem(frame, syntax, 512, 384) == ""
    assert "(512, 384)" in frame_problem(frame, syntax, 16, 16)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless])
@pytest.mark.parametrize(
    "frame", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xc3", b"\0" * 30, b"\xff\x4f\xff\x51\0"]
)
def test_frame_problem_when_it_is_cut_off_then_says_so(syntax: UID, frame: bytes) -> None:
    assert frame_problem(frame, syntax, 16, 16) != ""


def test_frame_problem_when_run_lengths_expand_then_stops_counting_and_says_so() -> None:
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + b"\x81\x00" * 10_000
    assert "expands" in frame_problem(frame, RLELossless, 16, 16)


def test_frame_problem_when_it_is_not_compressed_then_there_is_none() -> None:
    assert frame_problem(b"", ExplicitVRLittleEndian, 16, 16) == ""
