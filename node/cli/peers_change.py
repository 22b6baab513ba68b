"""`mvi-node peers add` and `remove`: who may send, and where results go; recorded in the audit trail."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from config.editing import add_peer, remove_peer
from config.errors import ConfigError
from config.loading import find_config_file, load_settings, read_document, validated
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb
from node.cli.person import person
from node.diagnosis.listening import shut_out
from node.ledger.ledger import utc_now
from node.ledger.records import ObjectKind

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

_RESTART = "a running node takes it up when it is started again"


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
    with _recorded(config, f"peer {name} added: {ae_title}@{host}"):
        add_peer(path, peer)
    _say(as_json, {"added": name, "file": str(path)}, f"{name} is in {path}; {_RESTART}")
    outside = shut_out(validated(read_document(path)))
    if outside:
        complain(outside)


@verb
def remove(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove a peer from the configuration file; what waits for it stays in the queue."""
    path = _file(config)
    with _recorded(config, f"peer {name} removed"):
        remove_peer(path, name)
    _say(as_json, {"removed": name, "file": str(path)}, f"{name} is not in {path} any more; {_RESTART}")


@contextmanager
def _recorded(config: Path | None, what: str) -> Iterator[None]:
    """Write into the audit trail who changed a peer; nothing is changed where the trail cannot be written.

    A node that has never run has no trail, and a file with errors no storage to look for one: the next start
    writes that its settings are others.
    """
    from node.audit.configuration import record_change  # noqa: PLC0415 - `--help` needs no audit
    from node.audit.trail import Trail  # noqa: PLC0415
    from node.storage.folder import prepare_storage  # noqa: PLC0415

    try:
        node = load_settings(config, os.environ).node
    except ConfigError:
        yield  # Names the errors, or takes away the peer that is wrong.
        return
    trail = Trail(prepare_storage(node.storage)) if node.storage.exists() else None
    yield
    if trail is not None:
        record_change(trail, node.ae_title, person(), utc_now(), what)


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
