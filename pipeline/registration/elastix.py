"""The seam to elastix: arrays and a parameter map in, a transform out."""

import warnings
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.deformation import Deformation
from pipeline.errors import QualityGateError, TransientError
from pipeline.geometry import FloatArray, Grid
from pipeline.volume import Volume

STAGE: Final = "register"


def euler_registration(
    fixed: Volume,
    moving: Volume,
    *,
    parameters: Mapping[str, tuple[str, ...]],
    seed: int,
    threads: int,
    name: str = "A sequence",
) -> tuple[FloatArray, tuple[float, float, float]]:
    """Run elastix with an Euler transform, from the identity; nothing is printed.

    Parameters
    ----------
    fixed, moving
        Of any grids, LPS mm.
    parameters
        Elastix parameter map.
    seed
        Of the sampler.
    threads
        Of elastix.
    name
        Of `moving`, for messages.

    Returns
    -------
    matrix : FloatArray
        4 x 4; maps a point of `fixed` to the same tissue in `moving`, LPS mm.
    angles : tuple of float
        Euler angles about x, y, z, degrees.

    Raises
    ------
    QualityGateError
        ``REG-FAILED``: elastix gave up.
    TransientError
        ``REG-MEMORY``: no memory.
    """
    found = _run(fixed, moving, parameters, seed=seed, threads=threads, name=name)
    parameters_found = [float(text) for text in found["TransformParameters"]]
    return _matrix(parameters_found, [float(text) for text in found["CenterOfRotationPoint"]])


def b_spline_registration(
    fixed: Volume,
    moving: Volume,
    *,
    parameters: Mapping[str, tuple[str, ...]],
    seed: int,
    threads: int,
    name: str = "A sequence",
) -> Deformation:
    """Run elastix with a B-spline transform, from the identity; as `euler_registration`.

    Returns
    -------
    Deformation
        Maps a point of `fixed` to the same tissue in `moving`, LPS mm.

    Raises
    ------
    QualityGateError, TransientError
        As `euler_registration`.
    """
    found = _run(fixed, moving, parameters, seed=seed, threads=threads, name=name)
    size = [int(text) for text in found["GridSize"]]
    origin, spacing = (np.array([float(text) for text in found[key]]) for key in ("GridOrigin", "GridSpacing"))
    # The control points lie along the axes of the fixed image.
    grid = Grid((size[2], size[1], size[0]), spacing, origin, fixed.grid.direction)
    displacement = np.array([float(text) for text in found["TransformParameters"]]).reshape(3, *grid.shape)
    return Deformation(grid, displacement)


def _run(
    fixed: Volume,
    moving: Volume,
    parameters: Mapping[str, tuple[str, ...]],
    *,
    seed: int,
    threads: int,
    name: str,
) -> Mapping[str, Sequence[str]]:
    """Run elastix and return the parameter map of the transform it found."""
    itk = _load()
    # Named, because the images are views whose arrays live as long as these two objects.
    fixed_image, moving_image = _image(itk, fixed), _image(itk, moving)
    try:
        method = itk.Registration.New()
        method.SetFixedImage(fixed_image)
        method.SetMovingImage(moving_image)
        method.SetParameterObject(_parameter_object(itk, {**parameters, "RandomSeed": (str(seed),)}))
        method.SetLogToConsole(False)
        method.SetLogToFile(False)
        method.SetNumberOfThreads(threads)
        method.UpdateLargestPossibleRegion()
        found: Mapping[str, Sequence[str]] = method.GetTransformParameterObject().GetParameterMap(0)
    except MemoryError as error:
        raise TransientError("REG-MEMORY", "Not enough memory for the registration.", stage=STAGE) from error
    except RuntimeError as error:
        # The reason is in the log of elastix only, and it names nothing that a user could change.
        raise QualityGateError(
            "REG-FAILED",
            f"{name} could not be aligned to the hepatobiliary phase.",
            remedy="Check that this series shows the liver, without gross motion, and send it again.",
            stage=STAGE,
        ) from error
    return found


def _load() -> SimpleNamespace:
    """Import the few modules of ITK that are needed.

    ``itk.ElastixRegistrationMethod`` would load 1,300 modules, 9 s on the reference machine; these are 370, 1.4 s.
    SWIG warns while a module starts, and an interpreter that turns this into an error crashes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from itk.elxParameterObjectPython import elastixParameterObject  # noqa: PLC0415 - slow, and see above
        from itk.itkElastixRegistrationMethodPython import (  # noqa: PLC0415
            itkElastixRegistrationMethodIF3IF3,
        )
        from itk.itkPyBufferPython import itkPyBufferIF3  # noqa: PLC0415
    return SimpleNamespace(
        Registration=itkElastixRegistrationMethodIF3IF3,
        ParameterObject=elastixParameterObject,
        Buffer=itkPyBufferIF3,
    )


def _image(itk: SimpleNamespace, volume: Volume) -> Any:
    # The copy is writable, as ITK demands; the image object keeps it alive.
    image = itk.Buffer.GetImageViewFromArray(np.array(volume.array))
    image.SetSpacing(volume.grid.spacing_xyz_mm.tolist())
    image.SetOrigin(volume.grid.origin_lps_mm.tolist())
    image.SetDirection(volume.grid.direction)
    return image


def _parameter_object(itk: SimpleNamespace, parameters: Mapping[str, tuple[str, ...]]) -> Any:
    wrapped = itk.ParameterObject.New()
    wrapped.AddParameterMap({name: list(values) for name, values in parameters.items()})
    return wrapped


def _matrix(parameters: list[float], centre: list[float]) -> tuple[FloatArray, tuple[float, float, float]]:
    """Turn three angles (rad), three shifts (mm) and a centre into a 4 x 4 matrix, as ITK defines it."""
    transform = sitk.Euler3DTransform(centre, *parameters[:3], parameters[3:])
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(transform.GetMatrix()).reshape(3, 3)
    matrix[:3, 3] = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    x, y, z = np.degrees(parameters[:3]).tolist()
    return matrix, (x, y, z)
