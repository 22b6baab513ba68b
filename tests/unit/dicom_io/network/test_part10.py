from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.filereader import read_partial
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage
from pynetdicom.dsutils import create_file_meta, encode_file_meta

from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_io.network.part10 import part10_header
from tests.unit.dicom_io.network.instances import encode, mr_instance


@pytest.mark.parametrize("source", ["", "SCANNER", "ODD", "  SCANNER  "])
@pytest.mark.parametrize("sop_instance_uid", ["1.2.3", "1.2.34"])
def test_header_when_compared_with_pynetdicoms_then_is_the_same(source: str, sop_instance_uid: str) -> None:
    identity = InstanceIdentity("1.2", "1.2.9", sop_instance_uid, MRImageStorage, ExplicitVRLittleEndian)
    meta = create_file_meta(
        sop_class_uid=MRImageStorage,
        sop_instance_uid=UID(sop_instance_uid),
        transfer_syntax=ExplicitVRLittleEndian,
        implementation_uid=UID(IMPLEMENTATION_CLASS_UID),
        implementation_version=IMPLEMENTATION_VERSION_NAME,
    )
    if source.strip():
        meta.SourceApplicationEntityTitle = source.strip()
    assert part10_header(identity, source_ae_title=source) == b"\0" * 128 + b"DICM" + encode_file_meta(meta)


def test_header_when_a_data_set_follows_then_is_a_file(  # The reader is strict: no `force`.
) -> None:
    identity = InstanceIdentity("1.2", "1.2.9", "1.2.3", MRImageStorage, ExplicitVRLittleEndian)
    file = part10_header(identity, source_ae_title="Ä" * 20) + encode(mr_instance(sop_instance_uid="1.2.3"))
    assert dcmread(BytesIO(file)).SOPInstanceUID == "1.2.3"
    assert read_partial(BytesIO(file)).file_meta.SourceApplicationEntityTitle == "?" * 16
