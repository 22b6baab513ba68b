"""Where the effective value of each key came from."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from config.loading import ENVIRONMENT_PREFIX, find_config_file
from config.settings import Settings


@dataclass(frozen=True)
class EffectiveKey:
    """One key: its dotted name, its value as text, and ``default``, a file or an environment variable."""

    key: str
    value: object
    origin: str


def effective_keys(
    settings: Settings, explicit: Path | None, environment: Mapping[str, str]
) -> list[EffectiveKey]:
    """List every key of `settings` with its origin.

    Parameters
    ----------
    settings
        As `config.loading.load_settings` returned them for the same two arguments.
    explicit
        File named on the command line, if any.
    environment
        The environment that was read.
    """
    path = find_config_file(explicit, environment)
    document = {} if path is None else tomllib.loads(path.read_text(encoding="utf-8"))
    keys = []
    for section, model in settings:
        if not isinstance(model, BaseModel):
            origin = str(path) if section in document else "default"
            keys.append(EffectiveKey(section, [peer.model_dump(mode="json") for peer in model], origin))
            continue
        for key, value in model.model_dump(mode="json").items():
            variable = f"{ENVIRONMENT_PREFIX}{section}__{key}".upper()
            named = variable in environment
            in_file = key in document.get(section, {})
            origin = variable if named else str(path) if in_file else "default"
            keys.append(EffectiveKey(f"{section}.{key}", _without_password(value), origin))
    return keys


def _without_password(value: object) -> object:
    """Return a URL with its password hidden, and any other value as it is."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", value) if isinstance(value, str) else value
