"""`mvi-node peers`: the remote application entities, whether they answer, and what they take."""

import os
import time
from typing import TYPE_CHECKING, Any

import typer

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, print_json, verb
from node.cli.peers_change import NameArgument, add, remove
from node.cli.tables import show_table
from node.peers.report import contacts_of, describe_peers, note_contact, peer_named

if TYPE_CHECKING:
    from dicom_io.network.requestor import PeerError

app = typer.Typer(no_args_is_help=True, help="Remote application entities: PACS, archives, scanners.")
app.command(epilog="Example: mvi-node peers add mr --ae-title MR --host mr --port 104 --may-send")(add)
app.command(epilog="Example: mvi-node peers remove pacs")(remove)


@app.command("list", epilog="Example: mvi-node peers list --json")
@verb
def list_peers(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the peers of the configuration, and how the last contact with each ended."""
    settings = load_settings(config, os.environ)
    with contacts_of(settings) as contacts:
        peers = describe_peers(settings, contacts)
    if as_json:
        print_json({"peers": peers})
        return
    rows = [
        (
            peer["name"],
            peer["dicomweb_url"] or f"{peer['ae_title']}@{peer['host']}:{peer['port']}",
            _part(peer),
            peer["last_contact"]["message"],
        )
        for peer in peers
    ]
    show_table(("name", "address", "part", "last contact"), rows)


@app.command(epilog="Example: mvi-node peers echo pacs")
@verb
def echo(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Ask whether a peer answers (C-ECHO); exit 4 where it cannot be reached, 1 where it refuses this node."""
    from dicom_io.network.requestor import PeerError  # noqa: PLC0415 - `--help` needs no DICOM
    from node.peers.clients import make_transport  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    peer = peer_named(settings, name)
    began = time.monotonic()
    with contacts_of(settings) as contacts:
        try:
            make_transport(peer, settings).echo(peer)
        except PeerError as error:
            note_contact(contacts, peer, error)
            raise _ended(as_json, name, error) from error
        note_contact(contacts, peer, None)
    answer_ms = round((time.monotonic() - began) * 1000)
    document = {"peer": name, "reached": True, "refused": False, "answer_ms": answer_ms, "message": ""}
    if as_json:
        print_json(document)
    else:
        complain(f"{name} answers in {answer_ms} ms")


@app.command(epilog="Example: mvi-node peers probe pacs")
@verb
def probe(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what a peer accepts and what should be sent to it; nothing is sent. Exit codes as for `echo`."""
    from dicom_io.network.requestor import PeerError  # noqa: PLC0415 - `--help` needs no DICOM
    from node.peers.probing import probe_document  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    peer = peer_named(settings, name)
    try:
        document = probe_document(peer, settings)
    except PeerError as error:
        raise _ended(as_json, name, error) from error
    if as_json:
        print_json(document)
        return
    rows = [(item["name"], "yes" if item["accepted"] else "no", _syntaxes(item)) for item in document["services"]]
    show_table(("service", "accepted", "transfer syntaxes"), rows, title=f"{name}: {document['implementation']}")
    for sentence in document["advice"]:
        typer.echo(sentence)


def _ended(as_json: bool, name: str, error: "PeerError") -> typer.Exit:
    if as_json:
        refused = not error.transient
        print_json({"peer": name, "reached": refused, "refused": refused, "message": str(error)})
    complain(str(error))
    return typer.Exit(ExitCode.PEER_UNREACHABLE if error.transient else ExitCode.FAILED)


def _part(peer: dict[str, Any]) -> str:
    parts = {"may_send": "sends", "receives_results": "receives", "return_to_sender": "gets back what it sent"}
    return ", ".join(words for key, words in parts.items() if peer[key]) or "none"


def _syntaxes(service: dict[str, Any]) -> str:
    names = {"1.2.840.10008.1.2.1": "Explicit VR LE", "1.2.840.10008.1.2": "Implicit VR LE"}
    return ", ".join(names.get(uid, uid) for uid in service["transfer_syntax_uids"])
