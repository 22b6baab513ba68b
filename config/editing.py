"""Edit peers and the active model in the configuration file; other lines, comments included, stay as they are."""

import json
import os
import re
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
_PEERS_BY_HAND = f"its peers are not written as {_HEADER} tables; edit them by hand"
_MODEL = "model"


def add_peer(path: Path, peer: Mapping[str, object]) -> Settings:
    """Append a peer to a configuration file, where the whole file is valid with it.

    Parameters
    ----------
    peer
        Keys of `config.sections.peers.Peer`; texts, numbers, truth values and lists of texts.

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
    return _write(path, f"{text}{gap}{_HEADER}\n" + "\n".join(lines) + "\n", wanted, _PEERS_BY_HAND)


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
    return _write(path, text, wanted, _PEERS_BY_HAND)


def set_active_model(path: Path, name: str) -> Settings:
    """Make `name` the active model of a configuration file.

    Raises
    ------
    ConfigError
        The file would be wrong; nothing is written.
    """
    before = read_document(path)
    wanted = {**before, _MODEL: {**before.get(_MODEL, {}), "active": name}}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    entry = f"active = {json.dumps(name)}"
    start = next((n for n, line in enumerate(lines) if _header_of(line) == f"[{_MODEL}]"), None)
    if start is None:
        gap = "" if not lines or not lines[-1].strip() else "\n" if lines[-1].endswith("\n") else "\n\n"
        lines.append(f"{gap}[{_MODEL}]\n{entry}\n")
    else:
        end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("[")), len(lines))
        for n in range(start + 1, end):
            if found := re.match(r'active\s*=\s*"[^"]*"(\s*)', lines[n]):
                rest = lines[n][found.end() :]
                # A comment keeps its column where the new name leaves room.
                width = max(found.end() - len(entry), 1) if rest else 0
                lines[n] = entry + (" " * width + rest if rest.strip() else "\n")
                break
        else:
            lines.insert(start + 1, entry + "\n")
    return _write(path, "".join(lines), wanted, "its [model] table is written in another way; edit it by hand")


def _header_of(line: str) -> str:
    return line.split("#", maxsplit=1)[0].strip()


def _without_table(text: str, place: int) -> str:
    """Return the text without its `place`-th table of peers, up to its last key."""
    lines = text.splitlines(keepends=True)
    headers = [number for number, line in enumerate(lines) if line.startswith("[")] + [len(lines)]
    tables = [(start, end) for start, end in pairwise(headers) if _header_of(lines[start]) == _HEADER]
    if place >= len(tables):
        return text
    start, end = tables[place]
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # What stands above the next table belongs to that.
    return "".join(lines[:start] + lines[end:])


def _write(path: Path, text: str, wanted: Mapping[str, Any], otherwise: str) -> Settings:
    settings = validated(wanted)
    try:
        as_wanted = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        as_wanted = False
    if not as_wanted:
        raise ConfigError([f"{path}: {otherwise}"])
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
