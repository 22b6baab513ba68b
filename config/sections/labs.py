"""Where laboratory values come from."""

from typing import Annotated

from pydantic import AfterValidator, Field

from config.sections.base import HostName, Port, Section, web_address


def _tls_without_certificate(section: "LabsSection") -> str:
    wanting = section.tls_port and not (section.tls_certificate and section.tls_key)
    return "tls_port needs tls_certificate and tls_key" if wanting else ""


class LabsSection(Section):
    """Laboratory values: how they come in, and when they change a result."""

    key_rules = (_tls_without_certificate,)

    analytes: str = ""
    """A site's own codes, names and units, added to analytes.toml; empty: none."""
    issuer: str = ""
    """Assigning authority of patient IDs that come without one, in studies, messages and files."""
    labs_wait_h: Annotated[float, Field(ge=0)] = 24.0
    """Values that arrive within this time after a result re-issue it, h."""
    host: HostName = "127.0.0.1"
    """Interface of the HL7 listener."""
    port: Port = 0
    """TCP port for HL7 v2 over MLLP without encryption; 0: off."""
    tls_port: Port = 0
    """TCP port for HL7 v2 over MLLP and TLS; 0: off."""
    tls_certificate: str = ""
    """Certificate chain of the listener, PEM."""
    tls_key: str = ""
    """Its private key, PEM."""
    tls_client_ca: str = ""
    """Certificates that sign those of the senders, PEM; empty: a sender needs no certificate."""
    maximum_message_bytes: Annotated[int, Field(ge=1024)] = 1_000_000
    """A longer message is refused and its connection closed, bytes."""
    maximum_connections: Annotated[int, Field(ge=1, le=1000)] = 20
    """Senders at once; one more is turned away."""
    idle_timeout_s: Annotated[float, Field(gt=0)] = 600.0
    """Silence between two messages after which a connection is closed, s."""
    message_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """Longest time from the first byte of a message to its last, s."""
    fhir_url: Annotated[str, AfterValidator(web_address)] = ""
    """Base address of a FHIR R4 server that is asked for Observations; empty: none."""
    fhir_identifier_system: str = ""
    """System of the patient identifiers at that server; empty: a value counts where one patient alone has it."""
    fhir_token_file: str = ""
    """File with the bearer token for that server; empty: none is sent."""
    fhir_ca: str = ""
    """Certificates that sign that of the server, PEM; empty: those of the system."""
    fhir_timeout_s: Annotated[float, Field(gt=0)] = 15.0
    """Longest time of one request, s."""
    fhir_every_s: Annotated[float, Field(gt=0)] = 900.0
    """Interval at which the server is asked again while `labs_wait_h` lasts, s."""
    fhir_corrections_days: Annotated[float, Field(ge=0)] = 30.0
    """So long after a result it is asked every six hours whether used values still hold; 0: never, days."""
