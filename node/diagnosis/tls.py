"""Whether the certificates fit one another, and when they end."""

from datetime import timedelta

from config.errors import NodeError, WrongKeyError
from config.settings import Settings
from node.diagnosis.finding import Finding, Verdict
from node.ledger.ledger import utc_now
from node.notify.conditions import certificate_dates
from node.tls import demand_usable_certificates, tls_files


def diagnose_tls(settings: Settings) -> Finding:
    """Look at certificate, key and authority, and at the end of every certificate that the settings name."""
    name = "tls"
    if problems := settings.tls.misfits():
        return Finding(name, Verdict.FAILED, "; ".join(problems))
    try:
        demand_usable_certificates(settings)
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    words = "off: DICOM travels in plain"
    if tls_files(settings.tls) is not None:
        words = f"certificate, key and authority fit; port {settings.tls.port}"
    try:
        soon = _end_soon(settings)
    except WrongKeyError as error:
        return Finding(name, Verdict.UNKNOWN, f"{words}; when certificates end was not examined: it needs {error}")
    if soon:
        return Finding(name, Verdict.WARNING, f"{words}; {', '.join(soon)}: put a new one in its place")
    return Finding(name, Verdict.OK, words)


def _end_soon(settings: Settings) -> list[str]:
    until = utc_now() + timedelta(days=settings.notify.certificate_days)
    # What cannot be read has a line of its own, that of whatever uses it: nothing is logged into the table.
    dates = certificate_dates(settings, lambda *_: None)
    return [f"{key} ends on {at:%Y-%m-%d}" for key, at in dates.items() if at < until]
