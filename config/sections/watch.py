"""The audit trail, metrics and health."""

from config.sections.base import HostName, Port, Section


class AuditSection(Section):
    """The audit trail, and the hospital's audit repository (PS3.15 A.5 and A.6)."""

    syslog_host: str = ""
    """Host of the audit repository; empty: the trail is kept here only."""
    syslog_port: Port = 6514
    """Its port for syslog over TLS."""
    authority: str = ""
    """PEM file of the CA that its certificate is signed by; empty: `tls.authority`."""


class WatchSection(Section):
    """Metrics and health over HTTP, for monitoring; it only answers."""

    host: HostName = "127.0.0.1"
    """Interface to listen on: what is told is nobody's secret but concerns nobody outside."""
    port: Port = 0
    """TCP port of /metrics, /healthz and /readyz; 0: off."""
