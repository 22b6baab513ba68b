"""A study plan to files."""

import shutil
from pathlib import Path

from dicom_io.phantom.classic import Destination, WrittenFrame, write_classic
from dicom_io.phantom.converted import write_converted
from dicom_io.phantom.dialect import Dialect
from dicom_io.phantom.encoding import Encoder
from dicom_io.phantom.enhanced import write_enhanced
from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.plan import StudyPlan


def write_study(
    plan: StudyPlan, folder: Path, identity: PhantomIdentity, dialect: Dialect, field_strength_t: float
) -> list[WrittenFrame]:
    """Write every series of a plan as the vendor does.

    Parameters
    ----------
    folder
        Gets a folder for each series; where the study is sent again, a folder ``again`` with all of them.
    field_strength_t
        T.

    Returns
    -------
    list[WrittenFrame]
        Every image once, however often it is sent.
    """
    character_sets = (dialect.character_set,) if plan.naming is None else plan.naming.character_set
    encoder = Encoder(implicit=plan.implicit, character_sets=character_sets)
    to = Destination(folder, plan, identity, dialect, field_strength_t, encoder)
    written: list[WrittenFrame] = []
    for series in plan.series:
        if dialect.multi_frame is not None:
            written += write_enhanced(series, to, dialect.multi_frame)
        elif plan.converted:
            written += write_converted(series, to)
        else:
            written += write_classic(series, to)
    if plan.sent > 1:
        again = folder / "again"
        for path in sorted({frame.path for frame in written}):
            copy = again / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    return written
