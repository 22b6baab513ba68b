import logging

from pynetdicom import _config

from dicom_io.network.implementation import configure_pynetdicom


def test_pynetdicom_when_configured_then_logs_no_identifier() -> None:
    configure_pynetdicom()
    assert _config.LOG_REQUEST_IDENTIFIERS is False
    assert _config.LOG_RESPONSE_IDENTIFIERS is False
    assert _config.LOG_HANDLER_LEVEL == "none"
    assert not logging.getLogger("pynetdicom.events").isEnabledFor(logging.ERROR)
