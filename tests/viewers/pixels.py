"""From a picture of the page back to the image grid: what is drawn where."""

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from tests.viewers.browser import Box, Rgb
from tests.viewers.shown_study import Mask

COLOURFUL = 0.22
"""Least saturation of an overlay; the images are grey, the margin's fill on white liver is palest."""


def pixel_edges(canvas: Box, image: Dataset) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return where on the page the columns and rows of an image begin and end that fills its canvas."""
    left, top, width, height = canvas
    row_mm, column_mm = (float(value) for value in image.PixelSpacing)
    scale = min(width / (image.Columns * column_mm), height / (image.Rows * row_mm))
    x0 = left + (width - image.Columns * column_mm * scale) / 2
    y0 = top + (height - image.Rows * row_mm * scale) / 2
    return (
        x0 + np.arange(image.Columns + 1) * column_mm * scale,
        y0 + np.arange(image.Rows + 1) * row_mm * scale,
    )


def sample(page: Rgb, canvas: Box, image: Dataset) -> npt.NDArray[np.float64]:
    """Return the colour at the centre of each pixel of an image: (rows, columns, 3), 0 to 1."""
    x, y = (((edges[:-1] + edges[1:]) / 2).astype(int) for edges in pixel_edges(canvas, image))
    colours: npt.NDArray[np.float64] = page[y[:, None], x[None, :]] / 255.0
    return colours


def cut(page: Rgb, canvas: Box, image: Dataset, mask: Mask, border: int) -> npt.NDArray[np.float64]:
    """Return the part of the page around a mask of an image, at the resolution of the page; 0 to 1."""
    x, y = pixel_edges(canvas, image)
    j, i = np.nonzero(mask)
    rows = slice(int(y[j.min() - border]), int(y[j.max() + 1 + border]))
    columns = slice(int(x[i.min() - border]), int(x[i.max() + 1 + border]))
    colours: npt.NDArray[np.float64] = page[rows, columns] / 255.0
    return colours


def tumour_coloured(colours: npt.NDArray[np.float64]) -> Mask:
    """Tell where the red of the tumour is, pure or mixed with grey."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    mask: Mask = (red - green > COLOURFUL) & (red - blue > COLOURFUL / 2)
    return mask


def margin_coloured(colours: npt.NDArray[np.float64]) -> Mask:
    """Tell where the yellow of the margin is, pure or mixed with grey."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    mask: Mask = (red - blue > COLOURFUL) & (green - blue > COLOURFUL) & (abs(red - green) < COLOURFUL)
    return mask


def line_coloured(colours: npt.NDArray[np.float64]) -> Mask:
    """Tell where the green of an SR annotation is."""
    red, green, blue = np.moveaxis(colours, -1, 0)
    mask: Mask = (green - red > 0.4) & (green - blue > 0.4)
    return mask


def windowed(image: Dataset) -> npt.NDArray[np.float64]:
    """Return an image as its own window shows it, 0 to 1."""
    centre, width = (float(np.ravel(image[keyword].value)[0]) for keyword in ("WindowCenter", "WindowWidth"))
    values = image.pixel_array * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))
    grey: npt.NDArray[np.float64] = np.clip((values - centre) / width + 0.5, 0, 1)
    return grey


def dice(one: Mask, other: Mask) -> float:
    """Return the overlap of two masks."""
    return float(2 * (one & other).sum() / max(one.sum() + other.sum(), 1))
