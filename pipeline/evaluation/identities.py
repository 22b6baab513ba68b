"""Who is in a cohort: nobody twice, and nobody of it in the external one."""

from pipeline.evaluation.errors import EvaluationError
from pipeline.training.manifest import CohortManifest


def require_each_once(manifest: CohortManifest) -> None:
    """Check that no two cases are of one patient: one could be learnt from, and the other tested on.

    Raises
    ------
    EvaluationError
        ``EV-TWICE``.
    """
    found = _identities(manifest)
    if double := len(found) - len(set(found)):
        raise EvaluationError(
            "EV-TWICE", f"{double} patients, folders or studies are in the cohort twice; `cohort check` names them"
        )


def require_others(cohort: CohortManifest, external: CohortManifest) -> None:
    """Check that the cohorts share no case: two extractions of a patient need not give equal features.

    Raises
    ------
    EvaluationError
        ``EV-TWICE``.
    """
    first, second = (set(_identities(one)) for one in (cohort, external))
    if shared := first & second:
        raise EvaluationError(
            "EV-TWICE",
            f"{len(shared)} patients, folders, studies or phantoms are in the cohort and in the external one; take"
            " them out of one, or name apart who is somebody else",
        )


def _identities(manifest: CohortManifest) -> list[str]:
    """Return what tells each case from another: seed, or pseudonym, folder, files and study."""
    if manifest.cohort.kind == "phantom":
        first = manifest.cohort.first_seed
        return [f"phantom {seed}" for seed in range(first, first + manifest.cohort.count)]
    names = [f"patient {case.patient}" for case in manifest.cases if case.patient]
    return [*names, *(place for case in manifest.cases for place in case.places())]
