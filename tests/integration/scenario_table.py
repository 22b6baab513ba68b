"""A vendor and a scenario of the phantom through series matching, and whether the answer is the truth's."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.series_rules import SeriesRules
from dicom_io.assembly import MatchResult, inspect_files, match_studies, scan_folder
from dicom_io.phantom.miniature import miniature
from dicom_io.phantom.scenario import ENHANCED, EVERY
from dicom_io.phantom.scenarios import SCENARIOS
from dicom_io.phantom.scenarios.diffusion import SCENARIOS as DIFFUSION
from dicom_io.phantom_series import settings_for, study_instance_uid, write_phantom_study
from pipeline.phantom import PhantomCase, PhantomSettings, make_case

_IN_TURN = ("siemens", "philips", "uih", "canon", "unknown")
_FEW = 6
"""A scenario for more vendors than this depends on none of them."""

Frames = tuple[str, frozenset[str], frozenset[int] | None]


@dataclass(frozen=True)
class Outcome:
    """What was asked and what came.

    Parameters
    ----------
    wrong_roles
        Accepted roles that hold other images than the truth says.
    """

    vendor: str
    scenario: str
    expected: str | None
    code: str | None
    wrong_roles: tuple[str, ...]
    message: str
    warnings: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether the answer is the expected one."""
        return self.code == self.expected and not self.wrong_roles

    @property
    def dangerous(self) -> bool:
        """Whether a study was accepted that must be refused, or with a wrong series in a role."""
        return self.code is None and not self.right

    def __str__(self) -> str:
        wrong = f", wrong: {', '.join(self.wrong_roles)}" if self.wrong_roles else ""
        return f"{self.vendor} {self.scenario}: {self.expected} expected, {self.code} given{wrong}. {self.message}"


def combinations() -> list[tuple[str, str]]:
    """Return every vendor with every scenario that makes sense for it."""
    return [(vendor, name) for name, scenario in SCENARIOS.items() for vendor in scenario.vendors]


def everyday() -> list[tuple[str, str]]:
    """Return a share of `combinations` that is done in a minute or so, with every scenario and every vendor.

    GE and the two Enhanced dialects take turns, and so do the other classic ones beside them. Toshiba writes what
    Canon does but for the b-values.
    """
    chosen = []
    for turn, name in enumerate(SCENARIOS):
        vendors = set(SCENARIOS[name].vendors)
        if len(vendors) > _FEW and name != "standard":
            first = ("ge", *ENHANCED)[turn % 3]
            vendors = vendors & {first, _IN_TURN[turn % len(_IN_TURN)]} or {"ge"}
        elif "canon" in vendors and name not in DIFFUSION and name != "standard":
            vendors -= {"toshiba"}
        chosen += [(vendor, name) for vendor in EVERY if vendor in vendors]
    return chosen


class Cases:
    """Small cases by settings, each made once."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._made: dict[PhantomSettings, PhantomCase] = {}

    def of(self, scenario: str) -> PhantomCase:
        """Return the case that a scenario asks for."""
        settings = settings_for(scenario)
        if settings not in self._made:
            self._made[settings] = miniature(make_case(self.seed, settings=settings))
        return self._made[settings]


def answer(
    cases: Cases, vendor: str, scenario: str, folder: Path, rules: SeriesRules, *, pixels: bool = True
) -> Outcome:
    """Write a study, match it, with `pixels` look at the phases as well, compare, and remove it."""
    out = folder / f"{vendor}-{scenario}"
    truth: dict[str, Any] = write_phantom_study(cases.of(scenario), out, vendor=vendor, scenario=scenario)
    uid = study_instance_uid(cases.seed, vendor=vendor, scenario=scenario)
    results = {result.study_instance_uid: result for result in match_studies(scan_folder(out / "dicom"), rules)}
    result = inspect_files(results[uid], rules) if pixels else results[uid]
    shutil.rmtree(out)
    wrong = wrong_roles(result, truth["roles"]) if result.code is None else ()
    return Outcome(
        vendor, scenario, truth["expected"]["code"], result.code, wrong, result.message, result.warnings
    )


def wrong_roles(result: MatchResult, truth: dict[str, Any]) -> tuple[str, ...]:
    """Return the roles that an accepted study fills with other images than the truth, or does not fill."""
    chosen = {
        role.value: (
            match.series_instance_uid,
            frozenset(instance.sop_instance_uid for instance in match.instances),
            None if match.frame_numbers is None else frozenset(match.frame_numbers),
        )
        for role, match in result.roles.items()
    }
    wanted = {role: _frames(entry) for role, entry in truth.items()}
    return tuple(
        role
        for role in sorted(chosen.keys() | wanted.keys())
        if role not in chosen or role not in wanted or not _same(chosen[role], wanted[role])
    )


def _frames(entry: dict[str, Any]) -> Frames:
    numbers = entry["frame_numbers"]
    uids = frozenset(entry["sop_instance_uids"])
    return entry["series_instance_uid"], uids, None if numbers is None else frozenset(numbers)


def _same(one: Frames, other: Frames) -> bool:
    # Without numbers: every frame. A list of all frames, in another order than the stored one, means the same.
    every = all(
        numbers is None or sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in (one[2], other[2])
    )
    return one[:2] == other[:2] and (one[2] == other[2] or (None in (one[2], other[2]) and every))
