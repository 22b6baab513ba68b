"""How this implementation names itself on the network, and how quiet pynetdicom must be."""

import logging

from pynetdicom import _config

IMPLEMENTATION_CLASS_UID = "2.25.33458732442855714914390024620003778249"
"""UUID-derived (PS3.5 B.2), the same in associations (PS3.7 D.3.3.2) and in file meta information."""
IMPLEMENTATION_VERSION_NAME = "MVI_NODE_0_1"
"""At most 16 characters (PS3.7 D.3.3.2)."""


def configure_pynetdicom() -> None:
    """Set the global switches of pynetdicom for this process; calling it again changes nothing.

    Its log handlers format every PDU and print identifiers and tracebacks that a peer can provoke at will;
    what matters is logged by `StorageScp` in one line each, with UIDs only.
    """
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.STORE_RECV_CHUNKED_DATASET = False  # Its provider thread dies on a full disk and answers nothing.
    _config.STORE_SEND_CHUNKED_DATASET = True  # Files go out as they are, without decoding.
    _config.UNRESTRICTED_STORAGE_SERVICE = False
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
