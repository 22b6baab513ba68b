import pynetdicom
import pytest

from dicom_io.network.seam import TransportSeamError, check_seam


def test_seam_when_another_pynetdicom_is_installed_then_the_start_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_seam()
    monkeypatch.setattr(pynetdicom, "__version__", "3.0.5")

    with pytest.raises(TransportSeamError, match=r"pynetdicom 3\.0\.5 is installed.* install that version"):
        check_seam()
