"""TLS of the HL7 listener."""

import ssl

from config.errors import ConfigError
from config.settings import LabsSection


def server_context(labs: LabsSection) -> ssl.SSLContext:
    """Return the TLS of the listener: version 1.2 or later, with certificates of senders where they are asked for.

    Raises
    ------
    ConfigError
        A file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(labs.tls_certificate, labs.tls_key)
        if labs.tls_client_ca:
            context.load_verify_locations(labs.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([f"labs.tls_certificate, tls_key or tls_client_ca: {reason}"]) from error
    return context
