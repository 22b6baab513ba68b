"""The baseline of the study benchmark does the same work as the product."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from config.series_rules import load_series_rules
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.scanning import scan_folder
from dicom_io.assembly.volumes import assemble
from dicom_io.phantom.miniature import miniature
from dicom_io.phantom_series import write_phantom_study
from pipeline.phantom import PhantomSettings, make_case
from pipeline.resampling import grid_of
from pipeline.study import Role
from tests.bench import stock_study


def test_stock_assembly_gives_the_volumes_of_the_product(tmp_path: Path) -> None:
    write_phantom_study(miniature(make_case(31, settings=PhantomSettings(oblique_deg=12.0))), tmp_path)
    (match,) = match_studies(scan_folder(tmp_path / "dicom"), load_series_rules())
    ours = assemble(match, clinical={})
    files = {role: [image.path for image in match.roles[role].instances] for role in Role}
    for role, image in stock_study.assemble(files).items():
        assert grid_of(image).is_close(ours.volumes[role].grid)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), ours.volumes[role].array)
