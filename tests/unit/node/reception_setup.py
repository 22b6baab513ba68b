"""A node with two peers, as the tests of reception have it."""

from pathlib import Path

from config.sections.node import NodeSection
from config.sections.peers import Peer
from config.settings import Settings

PEERS = (
    Peer(name="scanner", ae_title="SCANNER", host="127.0.0.1", may_send=True),
    Peer(name="pacs", ae_title="PACS", host="localhost", receives_results=True),
)


def ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.sqlite'}"


def node_settings(folder: Path, minimum_free_bytes: int = 0) -> Settings:
    node = NodeSection(host="127.0.0.1", port=0, storage=folder, minimum_free_bytes=minimum_free_bytes)
    return Settings(node=node, peers=PEERS)
