"""The files that a configuration names: rules, certificates, keys. `doctor` looks at what answers or computes."""

from collections.abc import Callable
from contextlib import suppress

from config.analytes import analytes_in_force
from config.errors import ConfigError, WrongKeyError
from config.sections.base import Section
from config.series_rules import rules_in_force
from config.settings import Settings
from node.audit.repository import repository_connect
from node.labs.fhir_client import make_client
from node.labs.tls import server_context
from node.models.signature import read_public_keys
from node.notify.notifier import make_channels
from node.tls import demand_usable_certificates


def what_is_named(settings: Settings) -> list[str]:
    """Look at everything that the settings name, as far as they are right; return what is wrong with it.

    Parameters
    ----------
    settings
        Wrong keys may be unknown; what such a one names is left out.
    """
    looks: list[Callable[[], object]] = [
        lambda: _named("matching.rules", lambda: rules_in_force(settings.matching)),
        lambda: demand_usable_certificates(settings),
        lambda: _named("labs.analytes", lambda: analytes_in_force(settings.labs.analytes)),
        lambda: server_context(settings.labs) if settings.labs.tls_port else None,
        lambda: make_client(settings.labs),
        lambda: make_channels(settings),
        lambda: repository_connect(settings),
        lambda: read_public_keys(settings.model.trusted_keys),
    ]
    problems: list[str] = []
    for look in looks:
        try:
            with suppress(WrongKeyError):
                look()
        except ConfigError as error:
            problems += [problem for problem in error.problems if not _is_of_no_file(problem, settings)]
    return problems


def _named(key: str, look: Callable[[], object]) -> None:
    """Put the key that names a file before what is wrong with the file."""
    try:
        look()
    except ConfigError as error:
        raise ConfigError([f"{key}: {problem}" for problem in error.problems]) from error


def _is_of_no_file(problem: str, settings: Settings) -> bool:
    """Return whether the key that a problem begins with is empty: the rules of its section ask for it."""
    section, _, key = problem.partition(":")[0].partition(".")
    known = vars(settings).get(section)
    return isinstance(known, Section) and vars(known).get(key) == ""
