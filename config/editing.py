"""Add and remove peers in the configuration file; every other line, comments included, stays as it is."""

import json
import os
import tomllib
import uuid
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.loading import read_document, validated
from config.settings import Settings

PEERS = "peers"
_HEADER = "[[peers]]"


def add_peer(path: Path, peer: Mapping[str, object]) -> Settings:
    """Append a peer to a configuration file, where the whole file is valid with it.

    Parameters
    ----------
    peer
        Keys of `config.settings.Peer`; texts, numbers, truth values and lists of texts.

    Returns
    -------
    Settings
        As in the file now, without the environment.

    Raises
    ------
    ConfigError
        The file would be wrong: each wrong key is named, and nothing is written.
    """
    before = read_document(path)
    text = path.read_text(encoding="utf-8")
    # A JSON value of these kinds is a TOML value.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in peer.items()]
    gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
    wanted = {**before, PEERS: [*before.get(PEERS, []), dict(peer)]}
    return _write(path, f"{text}{gap}{_HEADER}\n" + "\n".join(lines) + "\n", wanted)


def remove_peer(path: Path, name: str) -> Settings:
    """Remove a peer from a configuration file; comments around its table stay.

    Raises
    ------
    ConfigError
        There is no such peer, or the file is wrong without it; nothing is written.
    """
    before = read_document(path)
    names = [str(peer.get("name")) for peer in before.get(PEERS, [])]
    if name not in names:
        raise ConfigError([f"{path} has no peer {name}; it has: {', '.join(names) or 'none'}"])
    place = names.index(name)
    text = _without_table(path.read_text(encoding="utf-8"), place)
    rest = [peer for number, peer in enumerate(before[PEERS]) if number != place]
    wanted = {**before, PEERS: rest} if rest else {key: item for key, item in before.items() if key != PEERS}
    return _write(path, text, wanted)


def _without_table(text: str, place: int) -> str:
    """Return the text without its `place`-th table of peers, up to its last key."""
    lines = text.splitlines(keepends=True)
    headers = [number for number, line in enumerate(lines) if line.startswith("[")] + [len(lines)]
    tables = [(start, end) for start, end in pairwise(headers) if lines[start].split("#")[0].strip() == _HEADER]
    if place >= len(tables):
        return text
    start, end = tables[place]
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # What stands above the next table belongs to that.
    return "".join(lines[:start] + lines[end:])


def _write(path: Path, text: str, wanted: Mapping[str, Any]) -> Settings:
    settings = validated(wanted)
    try:
        as_wanted = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        as_wanted = False
    if not as_wanted:
        raise ConfigError([f"{path}: its peers are not written as {_HEADER} tables; edit them by hand"])
    # Beside it and then in its place: whoever reads meanwhile sees the old file or the new one.
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with fresh.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(target.stat().st_mode & 0o777)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return settings
