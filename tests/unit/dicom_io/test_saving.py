import errno
import os
from io import BytesIO
from typing import Any

import pytest

from dicom_io.saving import save
from tests.unit.dicom_io.network.instances import mr_instance

ROOM_BYTES = 2_000


class FullDisk(BytesIO):
    """Takes the header and not the pixels."""

    def write(self, content: Any) -> int:
        if len(content) > ROOM_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


def test_save_when_the_disk_fills_up_in_the_middle_then_says_so_by_number() -> None:
    with pytest.raises(OSError, match="No space left") as raised:
        save(mr_instance(rows=64), FullDisk())
    assert raised.value.errno == errno.ENOSPC


def test_save_when_there_is_room_then_writes_what_pydicom_writes() -> None:
    ds, expected, file = mr_instance(rows=16), BytesIO(), BytesIO()
    ds.save_as(expected, enforce_file_format=True)
    save(ds, file)
    assert file.getvalue() == expected.getvalue()
