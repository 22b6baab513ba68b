"""The files that a configuration names: rules, certificates, keys. `doctor` looks at what answers or computes."""

from collections.abc import Callable

from config.analytes import analytes_in_force
from config.errors import ConfigError
from config.series_rules import rules_in_force
from config.settings import Settings
from node.audit.repository import repository_connect
from node.labs.fhir_client import make_client
from node.labs.tls import server_context
from node.models.signature import read_public_keys
from node.notify.notifier import make_channels
from node.tls import demand_usable_certificates


def demand_what_is_named(settings: Settings) -> None:
    """Look at everything that the settings name.

    Raises
    ------
    ConfigError
        Some of it is not there, or is not what it should be; the message names it all.
    """
    labs = settings.labs
    looks: list[Callable[[], object]] = [
        lambda: rules_in_force(settings.matching),
        lambda: demand_usable_certificates(settings),
        lambda: analytes_in_force(labs.analytes),
        lambda: server_context(labs) if labs.tls_port else None,
        lambda: make_client(labs),
        lambda: make_channels(settings),
        lambda: repository_connect(settings),
        lambda: read_public_keys(settings.model.trusted_keys),
    ]
    problems: list[str] = []
    for look in looks:
        try:
            look()
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
