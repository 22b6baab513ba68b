import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, MRImageStorage
from pynetdicom import dimse_messages
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import decode, encode

from dicom_io.network.command_set import C_STORE_RQ, Command, CommandSetError, parse_command, response
from dicom_io.network.status import StoreStatus

SOP = "1.2.3.99"


def encoded_by_pynetdicom(*, has_data_set: bool = True) -> bytes:
    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = MRImageStorage, UID(SOP)
    request.DataSet = BytesIO(b"\0" * 8) if has_data_set else None
    message = dimse_messages.C_STORE_RQ()
    message.primitive_to_message(request)
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    return encoded


@pytest.mark.parametrize("has_data_set", [True, False])
def test_parse_when_pynetdicom_encoded_it_then_reads_the_same(has_data_set: bool) -> None:
    command = parse_command(encoded_by_pynetdicom(has_data_set=has_data_set))
    assert command == Command(C_STORE_RQ, 7, has_data_set, MRImageStorage.encode(), SOP.encode())


@pytest.mark.parametrize(
    ("comment", "shown"),
    [("", ""), ("no room", "no room"), ("odd", "odd"), ("x" * 100, "x" * 64), ("\x1b[31m\\Ä", "?[31m??")],
)
def test_response_when_pynetdicom_decodes_it_then_reads_the_same(comment: str, shown: str) -> None:
    request = parse_command(encoded_by_pynetdicom())
    encoded = response(request, StoreStatus.OUT_OF_RESOURCES, comment)
    ds = decode(BytesIO(encoded), True, True)
    assert (ds.CommandField, ds.MessageIDBeingRespondedTo, ds.CommandDataSetType) == (0x8001, 7, 0x0101)
    assert (ds.Status, ds.AffectedSOPClassUID, ds.AffectedSOPInstanceUID) == (0xA700, MRImageStorage, SOP)
    assert ds.CommandGroupLength == len(encoded) - 12
    assert str(ds.get("ErrorComment", "")) == shown[:64]
    assert list(ds.keys()) == sorted(ds.keys())  # PS3.7 6.3.1: ascending tags.


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\0" * 7,
        encoded_by_pynetdicom()[:-1],
        encoded_by_pynetdicom() + b"\0\0\1\0\xff\xff\xff\x7fxx",
        b"\x08\x00\x16\x00\x02\x00\x00\x00ab",
    ],
)  # fmt: skip
def test_parse_when_an_element_does_not_fit_then_is_an_error(encoded: bytes) -> None:
    with pytest.raises(CommandSetError):
        parse_command(encoded)


@given(st.binary(max_size=300))
def test_parse_when_bytes_are_random_then_is_a_command_or_an_error(encoded: bytes) -> None:
    with contextlib.suppress(CommandSetError):
        parse_command(encoded)
