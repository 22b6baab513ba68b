"""Remote application entities."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.sections.base import AETitle, HostName, Port, Section, printable, web_root


def _receiver_without_port(peer: "Peer") -> str:
    wanting = peer.receives and peer.port == 0 and not peer.dicomweb_url
    return f"peer {peer.name} receives results and needs the port of its storage SCP" if wanting else ""


class Peer(Section):
    """One remote application entity."""

    key_rules = (_receiver_without_port,)

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(printable)]
    """The operator's name for it."""
    ae_title: AETitle
    """AE title of the peer."""
    host: HostName
    """Host name or address."""
    port: Port = 104
    """TCP port of its storage SCP."""
    may_send: bool = False
    """Whether its associations are accepted."""
    maximum_associations: Annotated[int, Field(ge=1, le=500)] = 20
    """Associations of its own that are served at once; one more is rejected, and the rest is left to others."""
    receives_results: bool = False
    """Whether SEG, SR and summary are sent to it."""
    return_to_sender: bool = False
    """Whether the results of the studies that it sent go to it too."""
    outputs: Annotated[tuple[Literal["seg", "sr", "summary"], ...], Field(min_length=1)] = ("seg", "sr", "summary")
    """Which result objects are sent to it; `mvi-node peers probe` says what it takes."""
    objects_per_minute: Annotated[int, Field(ge=1, le=6000)] = 60
    """Result objects sent to it, at most; a PACS that was away is not flooded when it returns."""
    storage_commitment: bool = True
    """Whether it is asked for storage commitment; where it offers none, a query confirms."""
    confirm_by_query: bool = True
    """Whether a query (C-FIND, QIDO-RS) may confirm where storage commitment does not."""
    tls: bool = False
    """Whether it is reached over TLS; needs `tls.certificate`."""
    tls_verify_host: bool = True
    """Whether its certificate must bear its host name or address."""
    dicomweb_url: Annotated[str, AfterValidator(web_root)] = ""
    """Root of its DICOMweb service; where it is set, results go by STOW-RS and not by C-STORE."""
    dicomweb_authorization_file: str = ""
    """File whose one line is sent as the Authorization header, for example ``Bearer ...``."""

    @property
    def receives(self) -> bool:
        """Whether any result is ever sent to it."""
        return self.receives_results or self.return_to_sender
