"""A phantom study as the DICOM series of a scanner, with the truth beside it."""

from pathlib import Path

from config.errors import NodeError
from dicom_io.phantom.dialects import DIALECTS
from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.instances import SeriesWriter, WrittenInstance
from dicom_io.phantom.plan import SeriesKind, SeriesPlan, plan_series
from dicom_io.phantom.scenarios import SCENARIOS, Scenario
from dicom_io.phantom.truth import truth_document, write_truth
from pipeline.phantom import PhantomCase, PhantomSettings, make_case

VENDORS = tuple(DIALECTS)


class PhantomRequestError(NodeError):
    """A vendor or scenario that does not exist, or a folder that holds a study already."""


def list_scenarios() -> dict[str, list[dict[str, str | None]]]:
    """Return what can be written: scenarios with the refusal code that a node must give, and vendors."""
    scenarios: list[dict[str, str | None]] = [
        {"name": name, "summary": scenario.summary, "status": scenario.status, "code": scenario.code}
        for name, scenario in SCENARIOS.items()
    ]
    return {"scenarios": scenarios, "vendors": [{"name": name} for name in DIALECTS]}


def settings_for(scenario: str) -> PhantomSettings:
    """Return the settings with which a case of `scenario` is made.

    Raises
    ------
    PhantomRequestError
        There is no such scenario.
    """
    return _scenario(scenario).settings


def make_phantom_study(
    seed: int, out: Path, *, vendor: str = "ge", scenario: str = "standard"
) -> dict[str, object]:
    """Make the case of `seed` as `scenario` asks, and write it; see `write_phantom_study`."""
    _check(out, vendor, scenario)
    return write_phantom_study(
        make_case(seed, settings=settings_for(scenario)), out, vendor=vendor, scenario=scenario
    )


def write_phantom_study(
    case: PhantomCase, out: Path, *, vendor: str = "ge", scenario: str = "standard"
) -> dict[str, object]:
    """Write ``out/dicom`` and ``out/truth``.

    Parameters
    ----------
    case
        Made with `settings_for` the scenario, distractors included.
    out
        Folder; made where absent. ``out/dicom`` must not hold anything yet.
    vendor, scenario
        One of `VENDORS`; one of `SCENARIOS`.

    Returns
    -------
    dict
        The document of ``truth.json``.

    Raises
    ------
    PhantomRequestError
        No such vendor or scenario, or ``out/dicom`` is not empty.
    """
    _check(out, vendor, scenario)
    chosen = _scenario(scenario)
    identity = PhantomIdentity(case.truth.seed, f"{vendor}/{scenario}")
    field_strength_t = case.study.field_strength_t or PhantomSettings().field_strength_t
    writer = SeriesWriter(out / "dicom", identity, DIALECTS[vendor], field_strength_t)
    written: list[WrittenInstance] = []
    for kind, plan in plan_series(case).items():
        if kind in chosen.series:
            written += writer.write(
                plan, missing=_missing(chosen, kind, plan), other_patient=kind in chosen.of_other_patient
            )
    document = truth_document(case, written, vendor=vendor, scenario=scenario, code=chosen.code)
    write_truth(out / "truth", case, document, identity)
    return document


def _missing(scenario: Scenario, kind: SeriesKind, plan: SeriesPlan) -> frozenset[int]:
    if kind is not scenario.gap_in:
        return frozenset()
    return frozenset({plan.parts[0].volume.grid.shape[0] // 2})


def _check(out: Path, vendor: str, scenario: str) -> None:
    if vendor not in DIALECTS:
        raise PhantomRequestError(f"no vendor {vendor!r}; there are {', '.join(DIALECTS)}")
    _scenario(scenario)
    dicom = out / "dicom"
    if dicom.exists() and any(dicom.iterdir()):
        raise PhantomRequestError(f"{dicom} is not empty; give a new folder")


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise PhantomRequestError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
