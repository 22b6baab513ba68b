import pytest

from dicom_io.network.status import Disposition, store_disposition


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x0000, Disposition.DELIVERED),
        (0x0111, Disposition.DELIVERED),
        (0xB000, Disposition.WARNING),
        (0xB007, Disposition.WARNING),
        (0x0107, Disposition.WARNING),
        (0xA700, Disposition.TRANSIENT),
        (0xA7FF, Disposition.TRANSIENT),
        (0x0110, Disposition.TRANSIENT),
        (0x0213, Disposition.TRANSIENT),
        (0xA900, Disposition.PERMANENT),
        (0xC000, Disposition.PERMANENT),
        (0x0122, Disposition.PERMANENT),
        (0x0124, Disposition.PERMANENT),
    ],
)
def test_store_disposition_when_answered_then_says_whether_to_try_again(
    status: int, expected: Disposition
) -> None:
    assert store_disposition(status) is expected
