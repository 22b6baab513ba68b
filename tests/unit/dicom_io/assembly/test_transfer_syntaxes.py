"""What the receiver accepts is what the assembly can decode, value for value, or refuses with a code."""

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite, uid
from pydicom.encaps import encapsulate

from dicom_io.assembly.match_result import RoleMatch
from dicom_io.assembly.volumes import assemble_role
from dicom_io.network.negotiation import TRANSFER_SYNTAXES
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import MATRIX, StudyWriter, standard

HTJ2K_RAMP = base64.b64decode(
    "/0//UQApQAAAAAAgAAAAIAAAAAAAAAAAAAAAIAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    "kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKUAAf+TwAAmo/0FB3QAwAASwAATAOIAB3QA"
    "kPwCh3QAwAASwAATgAAAwnQASCL5AINUAMAAE8AAFWAA8KCnQnUAIkVERP7AMYHstgDAABUQAAWkAOfU9PTydwCODofD4XA4/v2I"
    "QHv2IQHsugDAACrgABboAAD5/wKUpSlL6QC+995777333nvv/3hgAAe/YAAe/YAAe/YAAeyzAf/Z"
)
"""Pixels 0 to 1023, 32 x 32, 16 bits, by OpenJPH 0.26.3, reversible, RPCL: no tool of the tests writes HTJ2K."""

LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K)

Encode = Callable[[Path], None]


def by_pydicom(syntax: str) -> Encode:
    def encode(path: Path) -> None:
        ds = dcmread(path)
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(path)

    return encode


def by_dcmtk(program: str, *options: str) -> Encode:
    def encode(path: Path) -> None:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here")
        subprocess.run([program, *options, path, path], check=True, capture_output=True)

    return encode


def by_openjph(syntax: str) -> Encode:
    def encode(path: Path) -> None:
        ds = dcmread(path)
        ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
        ds.PixelData = encapsulate([HTJ2K_RAMP])
        ds["PixelData"].VR = "OB"
        ds.save_as(path)

    return encode


def big_endian(path: Path) -> None:
    ds = dcmread(path)
    ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    # Elements that were only read are raw bytes, of the old order, until they are looked at.
    list(ds.iterall())
    dcmwrite(path, ds, implicit_vr=False, little_endian=False, force_encoding=True)


def implicit(path: Path) -> None:
    ds = dcmread(path)
    ds.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    ds.save_as(path, implicit_vr=True, little_endian=True)


def as_it_is(_path: Path) -> None:
    pass


ENCODERS: dict[str, tuple[Encode, ...]] = {
    uid.ExplicitVRLittleEndian: (as_it_is,),
    uid.ImplicitVRLittleEndian: (implicit,),
    uid.ExplicitVRBigEndian: (big_endian,),
    uid.RLELossless: (by_pydicom(uid.RLELossless), by_dcmtk("dcmcrle")),
    uid.JPEGLosslessSV1: (by_dcmtk("dcmcjpeg", "+e1"),),
    uid.JPEGLossless: (by_dcmtk("dcmcjpeg", "+el", "+sv", "6"),),
    uid.JPEGLSLossless: (by_pydicom(uid.JPEGLSLossless), by_dcmtk("dcmcjpls")),
    uid.JPEG2000Lossless: (by_pydicom(uid.JPEG2000Lossless),),
    uid.HTJ2KLossless: (by_openjph(uid.HTJ2KLossless),),
    uid.HTJ2KLosslessRPCL: (by_openjph(uid.HTJ2KLosslessRPCL),),
}

CASES = [(syntax, encode) for syntax, encoders in ENCODERS.items() for encode in encoders]


def files_of(chosen: RoleMatch) -> list[Path]:
    return [instance.path for instance in chosen.instances]


def test_what_is_accepted_is_decoded_or_refused_and_nothing_else() -> None:
    assert set(TRANSFER_SYNTAXES) == {*ENCODERS, *LOSSY}


@pytest.mark.parametrize(("syntax", "encode"), CASES, ids=[uid.UID(syntax).name for syntax, _ in CASES])
def test_assemble_when_a_syntax_without_loss_is_accepted_then_every_value_is_read(
    writer: StudyWriter, match: Match, syntax: str, encode: Encode
) -> None:
    writer.all_alike = True
    standard(writer)
    paths = files_of(match().roles[Role.T1_PRE])
    for path in paths[::4]:
        encode(path)
        assert dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID == syntax
    result = match()
    assert result.code is None
    ramp = np.arange(MATRIX * MATRIX).reshape(MATRIX, MATRIX)
    np.testing.assert_array_equal(assemble_role(result.roles[Role.T1_PRE]).volume.array, [ramp] * len(paths))


@pytest.mark.parametrize("syntax", LOSSY, ids=[syntax.name for syntax in LOSSY])
def test_match_when_a_syntax_that_loses_information_is_accepted_then_the_study_is_refused_with_its_reason(
    writer: StudyWriter, match: Match, syntax: uid.UID
) -> None:
    standard(writer)
    for path in files_of(match().roles[Role.T1_PRE])[:1]:
        ds = dcmread(path)
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([HTJ2K_RAMP])
        ds["PixelData"].VR = "OB"
        ds.save_as(path)
    assert match().code == "SM-LOSSY"
