"""Study and errors travel between processes unchanged."""

import pickle

import numpy as np
import pytest

from pipeline.errors import Disposition, QualityGateError, StudyError, TransientError
from pipeline.geometry import Grid
from pipeline.study import Analyte, ClinicalValue, Role, Study
from pipeline.volume import Volume


def _volume(value: float) -> Volume:
    return Volume(np.full((2, 2, 2), value, np.float32), Grid((2, 2, 2), np.ones(3), np.zeros(3), np.eye(3)))


def test_study_when_a_role_is_missing_then_names_it() -> None:
    with pytest.raises(ValueError, match="T1_PORTAL"):
        Study({role: _volume(0) for role in Role if role is not Role.T1_PORTAL})


def test_study_when_pickled_then_equal_and_in_role_order() -> None:
    study = Study(
        {role: _volume(n) for n, role in enumerate(reversed(Role))},
        {Analyte.AST: ClinicalValue(40.0)},
        3.0,
        contrast_agents=("gadoxetate",),
    )
    copy = pickle.loads(pickle.dumps(study))  # noqa: S301 - our own bytes
    assert list(copy.volumes) == list(Role)
    assert copy.clinical[Analyte.AST].value == 40.0
    assert copy.contrast_agents == ("gadoxetate",)
    assert not copy.volumes[Role.T2].array.flags.writeable
    assert copy.volumes[Role.T2].array[0, 0, 0] == 5


@pytest.mark.parametrize("kind", [StudyError, QualityGateError, TransientError])
def test_study_error_when_pickled_then_keeps_its_facts(kind: type[StudyError]) -> None:
    error = kind("QG-REG", "The T2 series could not be aligned.", remedy="Repeat the T2 series.", stage="register")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), copy.code, copy.remedy, copy.stage) == (
        kind,
        "QG-REG",
        "Repeat the T2 series.",
        "register",
    )
    assert copy.disposition is (Disposition.RETRY if kind is TransientError else Disposition.REJECT)
