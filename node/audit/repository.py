"""The hospital's audit repository: how it is reached, and whether it can be."""

import ssl
from collections.abc import Iterator
from contextlib import closing

from config.errors import ConfigError
from config.settings import Settings
from node.audit.syslog import Connect, tls_connect
from node.diagnosis.finding import Finding, Verdict


def repository_connect(settings: Settings) -> Connect | None:
    """Return a function that opens a connection to the repository; None where the settings name none.

    Raises
    ------
    ConfigError
        The authority of the repository cannot be used.
    """
    audit = settings.audit
    if not audit.syslog_host:
        return None
    authority = audit.authority or settings.tls.authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(authority)
        if settings.tls.enabled:
            context.load_cert_chain(settings.tls.certificate, settings.tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"audit.authority: {str(authority)!r} holds no certificate"]) from error
    return tls_connect(audit.syslog_host, audit.syslog_port, context)


def diagnose_repository(settings: Settings) -> Iterator[Finding]:
    """Connect to the repository once, where there is one; nothing is sent."""
    name, audit = "audit repository", settings.audit
    address = f"{audit.syslog_host}:{audit.syslog_port}"
    try:
        connect = repository_connect(settings)
        if connect is None:
            return
        with closing(connect()):
            yield Finding(name, Verdict.OK, f"{address} takes messages over TLS")
    except ConfigError as error:
        yield Finding(name, Verdict.FAILED, str(error))
    except ssl.SSLError as error:
        reason = (error.reason or "TLS failed").lower().replace("_", " ")
        yield Finding(
            name, Verdict.FAILED, f"{address}: {reason}; name the authority of its certificate in audit.authority"
        )
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        yield Finding(name, Verdict.UNREACHABLE, f"{address}: {said}; the trail waits for it and is not lost")
