"""A phantom study as the DICOM series of a scanner, with the truth beside it."""

from pathlib import Path

from config.errors import NodeError
from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.protocol import usual_plan
from dicom_io.phantom.scenario import Scenario
from dicom_io.phantom.scenarios import SCENARIOS
from dicom_io.phantom.truth import truth_document, write_truth
from dicom_io.phantom.vendors import DIALECTS
from dicom_io.phantom.writing import write_study
from pipeline.phantom import PhantomCase, PhantomSettings, make_case

VENDORS = tuple(DIALECTS)


class PhantomRequestError(NodeError):
    """A vendor or scenario that does not exist or does not fit, or a folder that holds a study already."""


def list_scenarios() -> dict[str, list[dict[str, object]]]:
    """Return what can be written: scenarios with vendors and the answer that a node must give; all vendors."""
    scenarios: list[dict[str, object]] = [
        {
            "name": name,
            "summary": scenario.summary,
            "status": scenario.status,
            "code": scenario.code,
            "vendors": list(scenario.vendors),
        }
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


def study_instance_uid(seed: int, *, vendor: str, scenario: str) -> str:
    """Return the UID of the study that a seed, a vendor and a scenario give."""
    return PhantomIdentity(seed, f"{vendor}/{scenario}").uid("study")


def make_phantom_study(
    seed: int, out: Path, *, vendor: str = "ge", scenario: str = "standard"
) -> dict[str, object]:
    """Make the case of `seed` as `scenario` asks, and write it; see `write_phantom_study`."""
    _check(out, vendor, scenario)
    return write_phantom_study(
        make_case(seed, settings=settings_for(scenario)), out, vendor=vendor, scenario=scenario
    )


def write_phantom_study(
    case: PhantomCase, out: Path, *, vendor: str = "ge", scenario: str = "standard", patient_id: str = ""
) -> dict[str, object]:
    """Write ``out/dicom`` and ``out/truth``.

    Parameters
    ----------
    case
        Made with `settings_for` the scenario, distractors included; a `miniature` of it where many are written.
    out
        Folder; made where absent. ``out/dicom`` must not hold anything yet.
    vendor, scenario
        One of `VENDORS`; one of `SCENARIOS` that makes sense for it.
    patient_id
        PatientID, which makes it another study as well; empty: one that follows from the seed.

    Returns
    -------
    dict
        The document of ``truth.json``.

    Raises
    ------
    PhantomRequestError
        No such vendor or scenario, a scenario that this vendor's scanner cannot give, or ``out/dicom`` is not
        empty.
    """
    _check(out, vendor, scenario)
    chosen = _scenario(scenario)
    posed = chosen.pose(case)
    plan = chosen.edit(posed, usual_plan(posed))
    variant = "/".join(filter(None, (vendor, scenario, patient_id)))
    identity = PhantomIdentity(case.truth.seed, variant, plan.injected_after_h, patient_id)
    field_strength_t = case.study.field_strength_t or PhantomSettings().field_strength_t
    frames = write_study(plan, out / "dicom", identity, DIALECTS[vendor], field_strength_t)
    chosen.spoil(frames)
    document = truth_document(posed, frames, vendor=vendor, scenario=scenario, code=chosen.code)
    write_truth(out / "truth", posed, document, identity)
    return document


def _check(out: Path, vendor: str, scenario: str) -> None:
    if vendor not in DIALECTS:
        raise PhantomRequestError(f"no vendor {vendor!r}; there are {', '.join(DIALECTS)}")
    vendors = _scenario(scenario).vendors
    if vendor not in vendors:
        raise PhantomRequestError(
            f"scenario {scenario!r} makes no sense for {vendor}; it is one of {', '.join(vendors)}"
        )
    dicom = out / "dicom"
    if dicom.exists() and any(dicom.iterdir()):
        raise PhantomRequestError(f"{dicom} is not empty; give a new folder")


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise PhantomRequestError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
