"""The masks of each `search` beside those of the whole body and the truth: `python -m tests.bench.bench_search 8`.

Phantoms of full size as in `bench_study`, aligned by their true transforms, every other with a tumour of 3 cm. The
Dice to the masks of the whole body is what the benchmark's goal speaks of; that to the truth says which is right.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from pipeline.lesions import delineate
from pipeline.overlap import dice
from pipeline.segmentation.backends import ready_predictor
from pipeline.segmentation.normalisation import normalise
from pipeline.segmentation.patches import FloatVolume
from pipeline.segmentation.search import label_body, label_liver
from pipeline.study import FIXED_ROLE
from pipeline.volume import LabelMap
from tests.bench.bench_inside import align_truly
from tests.bench.bench_study import bundle_of_today
from tests.bench.full_size import DIAMETERS_MM, full_size_case

Search = Literal["body", "liver", "liver-tight"]
PHANTOMS: Final = 8
Masks = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def lines(number: int) -> Iterator[dict[str, object]]:
    """Segment phantom `number` with each search; yields one line each."""
    size_cm, bundle = sorted(DIAMETERS_MM)[number % 2], bundle_of_today()
    case = full_size_case(size_cm, number // 2)
    channels = align_truly(case, bundle).registered
    grid, native = channels[FIXED_ROLE].grid, case.study.volumes[FIXED_ROLE].grid
    truth = case.truth.label_map.array
    right: Masks = truth > 0, truth == 2
    settings = bundle.settings.segmentation
    stacked, body = normalise(channels, settings.normalisation)
    network, patches = ready_predictor(bundle.segmentation_weights, settings), 0

    def counted(patch: FloatVolume) -> FloatVolume:
        nonlocal patches
        patches += 1
        return network(patch)

    counted(np.zeros((len(channels), *settings.patch_kji), np.float32))
    whole: Masks | None = None
    for search in get_args(Search):
        patches, begun = 0, time.perf_counter()
        label = label_body if search == "body" else label_liver
        labels = label(stacked, body, counted, settings.model_copy(update={"search": search}))
        seconds = time.perf_counter() - begun
        found = delineate(LabelMap(labels, grid), native, settings=bundle.settings.lesions).on(native)
        masks: Masks = found.liver_map.array > 0, found.lesion_map.array > 0
        whole = whole or masks
        yield {
            "phantom": number,
            "tumour_cm": size_cm,
            "search": search,
            "patches": patches,
            "s": round(seconds, 2),
            **{
                f"{organ} to {other}": round(dice(own, their), 4)
                for other, reference in (("body", whole), ("truth", right))
                for organ, own, their in zip(("liver", "tumour"), masks, reference, strict=True)
            },
        }


def main() -> int:
    """Print one JSON line for each phantom and search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=int, nargs="?", default=PHANTOMS)
    for number in range(parser.parse_args().phantoms):
        for line in lines(number):
            sys.stdout.write(f"{json.dumps(line)}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
