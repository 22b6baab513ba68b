"""TOML file and environment to Settings; every wrong key named in one error."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.examining import Examined, examine_document, unknown_settings
from config.settings import Settings

ENVIRONMENT_PREFIX = "MVI_NODE_"
CONFIG_VARIABLE = "MVI_NODE_CONFIG"
DEFAULT_FILE = Path("node.toml")


def find_config_file(explicit: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the configuration file in force: `explicit`, then MVI_NODE_CONFIG, then ./node.toml, or none.

    Raises
    ------
    ConfigError
        A file was named and does not exist.
    """
    named = explicit or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is not None:
        if named.is_dir():
            raise ConfigError([f"{named} is a folder; name the configuration file in it"])
        if not named.is_file():
            raise ConfigError([f"configuration file {named} does not exist; `mvi-node config init` writes one"])
        return named
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def load_settings(explicit: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings in force: built-in defaults, then the file, then the environment.

    Parameters
    ----------
    explicit
        File named on the command line, if any.
    environment
        ``MVI_NODE_SECTION__KEY=value`` overrides a key; ``MVI_NODE_CONFIG`` names the file.

    Raises
    ------
    ConfigError
        Any key is unknown or any value wrong; the message names them all.
    """
    return examine_settings(explicit, environment).settings_or_error()


def examine_settings(explicit: Path | None, environment: Mapping[str, str]) -> Examined:
    """Read the settings in force as far as they are right, and all that is wrong with them.

    Parameters
    ----------
    explicit, environment
        As of `load_settings`.
    """
    try:
        path = find_config_file(explicit, environment)
        document: dict[str, Any] = {} if path is None else read_document(path)
    except ConfigError as error:
        return Examined(unknown_settings(), error.problems)
    problems = _overlay(document, environment)
    return examine_document(document, problems)


def validated(document: Mapping[str, Any], problems: Sequence[str] = ()) -> Settings:
    """Return a document as settings.

    Parameters
    ----------
    problems
        What is known to be wrong with it already.

    Raises
    ------
    ConfigError
        Any key is unknown or any value wrong; the message names them all.
    """
    return examine_document(document, problems).settings_or_error()


def read_document(path: Path) -> dict[str, Any]:
    """Return a TOML file as it is.

    Raises
    ------
    ConfigError
        It cannot be read, or is not TOML.
    """
    try:
        # Editors of Windows put a mark before the first line, which TOML does not know.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not valid TOML: {error}"]) from error
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror}"]) from error


def _overlay(document: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    problems = []
    for name, value in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX) or name == CONFIG_VARIABLE:
            continue
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not separator:
            problems.append(f"{name}: write {ENVIRONMENT_PREFIX}SECTION__KEY, for example MVI_NODE_NODE__PORT")
            continue
        table = document.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = value
        else:
            problems.append(f"{name}: {section} is a list and cannot be set by environment")
    return problems
