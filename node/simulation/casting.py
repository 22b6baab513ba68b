"""From the names on the command line to plays and vendors."""

from collections.abc import Sequence

from config.errors import ConfigError
from node.simulation.play import Play
from node.simulation.plays import PLAYS, play_of_phantom

ALL = "all"


def performances(scenarios: Sequence[str], vendors: Sequence[str]) -> tuple[tuple[Play, str], ...]:
    """Return every play that was asked for with every vendor for which it makes sense.

    Parameters
    ----------
    scenarios
        Names of `PLAYS` or of scenarios of `mvi-node phantom`; ``all`` is every one of `PLAYS`.
    vendors
        Names, or ``all``.

    Raises
    ------
    ConfigError
        A name is unknown, or nothing is left.
    """
    from dicom_io.phantom_series import list_scenarios  # noqa: PLC0415 - numerical

    known = list_scenarios()
    every = [str(entry["name"]) for entry in known["vendors"]]
    phantoms = {str(entry["name"]): entry for entry in known["scenarios"]}
    wanted = _chosen(scenarios, list(PLAYS), {*PLAYS, *phantoms}, "scenario")
    scanners = _chosen(vendors, every, set(every), "vendor")
    plays = [PLAYS.get(name) or play_of_phantom(name, str(phantoms[name]["summary"])) for name in wanted]
    chosen = tuple(
        (play, vendor)
        for vendor in scanners
        for play in plays
        if vendor in (play.vendors or every) and vendor in _vendors(phantoms[play.phantom])
    )
    if not chosen:
        raise ConfigError([f"none of {', '.join(wanted)} makes sense for {', '.join(scanners)}; see --list"])
    return chosen


def describe_plays() -> list[dict[str, object]]:
    """Return what can be played: name, summary, the answer that is expected, and the vendors."""
    from dicom_io.phantom_series import list_scenarios  # noqa: PLC0415 - numerical

    phantoms = {str(entry["name"]): entry for entry in list_scenarios()["scenarios"]}
    return [
        {
            "name": play.name,
            "summary": play.summary,
            "expected": play.code or phantoms[play.phantom]["code"] or "analysed",
            "vendors": [
                name for name in _vendors(phantoms[play.phantom]) if not play.vendors or name in play.vendors
            ],
        }
        for play in PLAYS.values()
    ]


def _chosen(names: Sequence[str], every: list[str], known: set[str], what: str) -> list[str]:
    wrong = [name for name in names if name not in known and name != ALL]
    if wrong:
        raise ConfigError([f"no {what} {wrong[0]!r}; there are {', '.join(every)}, {ALL}; see --list"])
    found = [item for name in names for item in (every if name == ALL else [name])]
    return list(dict.fromkeys(found))


def _vendors(phantom: dict[str, object]) -> list[str]:
    vendors = phantom["vendors"]
    return [str(name) for name in vendors] if isinstance(vendors, list) else []
