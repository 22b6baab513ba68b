"""`mvi-node peers`: the remote application entities, whether they answer, and what they take."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.editing import add_peer, remove_peer
from config.errors import ConfigError
from config.loading import find_config_file, load_settings, read_document, validated
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, print_json, verb
from node.cli.tables import show_table
from node.ledger.records import ObjectKind
from node.listening import shut_out
from node.peer_report import contacts_of, describe_peers, note_contact, peer_named

if TYPE_CHECKING:
    from dicom_io.network.requestor import PeerError

app = typer.Typer(no_args_is_help=True, help="Remote application entities: PACS, archives, scanners.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the peer in the configuration.")]
TitleOption = Annotated[str, typer.Option("--ae-title", help="AE title of the peer.")]
HostOption = Annotated[str, typer.Option("--host", help="Host name or address.")]
PortOption = Annotated[int | None, typer.Option("--port", help="TCP port of its storage SCP. Default: 104.")]
OutputOption = Annotated[
    list[ObjectKind] | None, typer.Option("--output", help="Only this is sent to it; may be repeated.")
]
SendOption = Annotated[bool, typer.Option("--may-send", help="Its associations are accepted.")]
ReceiveOption = Annotated[bool, typer.Option("--receives-results", help="Results are sent to it.")]
ReturnOption = Annotated[bool, typer.Option("--return-to-sender", help="Results of what it sent go to it.")]
TlsOption = Annotated[bool, typer.Option("--tls", help="It is reached over TLS.")]
WebOption = Annotated[str, typer.Option("--dicomweb-url", help="Results go there by STOW-RS.", show_default=False)]

RESTART = "a running node takes it up when it is started again"


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


@app.command(epilog="Example: mvi-node peers add mr --ae-title MR --host mr --port 104 --may-send")
@verb
def add(  # noqa: PLR0913, PLR0917 - one option a key of the configuration
    name: NameArgument,
    ae_title: TitleOption,
    host: HostOption,
    port: PortOption = None,
    may_send: SendOption = False,
    receives_results: ReceiveOption = False,
    return_to_sender: ReturnOption = False,
    tls: TlsOption = False,
    dicomweb_url: WebOption = "",
    output: OutputOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a peer to the configuration file; nothing is written where any value is wrong (exit 2)."""
    path = _file(config)
    flags = {
        "may_send": may_send,
        "receives_results": receives_results,
        "return_to_sender": return_to_sender,
        "tls": tls,
    }
    peer: dict[str, object] = {"name": name, "ae_title": ae_title, "host": host}
    peer |= {} if port is None else {"port": port}
    peer |= {key: True for key, given in flags.items() if given}
    peer |= {"dicomweb_url": dicomweb_url} if dicomweb_url else {}
    peer |= {"outputs": [kind.value for kind in output]} if output else {}
    add_peer(path, peer)
    _say(as_json, {"added": name, "file": str(path)}, f"{name} is in {path}; {RESTART}")
    outside = shut_out(validated(read_document(path)))
    if outside:
        complain(outside)


@app.command(epilog="Example: mvi-node peers remove pacs")
@verb
def remove(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a peer from the configuration file; what waits for it stays in the queue."""
    path = _file(config)
    remove_peer(path, name)
    _say(as_json, {"removed": name, "file": str(path)}, f"{name} is not in {path} any more; {RESTART}")


@app.command(epilog="Example: mvi-node peers echo pacs")
@verb
def echo(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Ask whether a peer answers (C-ECHO); exit 4 where it cannot be reached, 1 where it refuses this node."""
    from dicom_io.network.requestor import PeerError  # noqa: PLC0415 - `--help` needs no DICOM
    from node.peers import make_transport  # noqa: PLC0415

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
    _say(as_json, document, f"{name} answers in {answer_ms} ms")


@app.command(epilog="Example: mvi-node peers probe pacs")
@verb
def probe(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say what a peer accepts and what should be sent to it; nothing is sent. Exit codes as for `echo`."""
    from dicom_io.network.requestor import PeerError  # noqa: PLC0415 - `--help` needs no DICOM
    from node.probing import probe_document  # noqa: PLC0415

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


def _file(config: Path | None) -> Path:
    path = find_config_file(config, os.environ)
    if path is None:
        raise ConfigError(["there is no configuration file; `mvi-node config init` writes one"])
    return path


def _say(as_json: bool, document: dict[str, Any], words: str) -> None:
    if as_json:
        print_json(document)
    else:
        complain(words)


def _part(peer: dict[str, Any]) -> str:
    parts = {"may_send": "sends", "receives_results": "receives", "return_to_sender": "gets back what it sent"}
    return ", ".join(words for key, words in parts.items() if peer[key]) or "none"


def _syntaxes(service: dict[str, Any]) -> str:
    names = {"1.2.840.10008.1.2.1": "Explicit VR LE", "1.2.840.10008.1.2": "Implicit VR LE"}
    return ", ".join(names.get(uid, uid) for uid in service["transfer_syntax_uids"])
