"""A predictor that judges each voxel by its own brightness: where it looks must not change what it finds."""

import numpy as np
import numpy.typing as npt

from pipeline.segmentation.patches import FloatVolume, Predictor
from pipeline.segmentation.search import label_body, label_liver
from pipeline.segmentation.settings import SegmentationSettings

SETTINGS = SegmentationSettings(channels=(4, 8), patch_kji=(8, 16, 16), stride_kji=(4, 12, 12))
SHAPE = (24, 64, 64)
LIVER, TUMOUR, DIM = 0.5, 1.0, 0.25
BODY = np.ones(SHAPE, dtype=bool)


def study(*boxes: tuple[tuple[slice, slice, slice], float]) -> FloatVolume:
    channels = np.zeros((6, *SHAPE), np.float32)
    for box, brightness in boxes:
        channels[(slice(None), *box)] = brightness
    return channels


class Counted:
    """Counts the patches it is asked for; blind to what is `dim` in the first of them."""

    def __init__(self, *, blind_patches: int = 0) -> None:
        self.patches = 0
        self._blind = blind_patches

    def __call__(self, patch: FloatVolume) -> FloatVolume:
        self.patches += 1
        brightness = patch[0]
        least = LIVER if self.patches <= self._blind else DIM
        liver = (brightness >= least * 0.75) & (brightness < 0.75)
        tumour = brightness >= 0.75
        return np.stack([~(liver | tumour), liver, tumour]).astype(np.float32)


def both(
    channels: FloatVolume, predict: Predictor | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], int, int]:
    around, everywhere = predict or Counted(), Counted()
    found = label_liver(channels, BODY, around, SETTINGS)
    whole = label_body(channels, BODY, everywhere, SETTINGS)
    assert isinstance(around, Counted)
    return found, whole, around.patches, everywhere.patches


def test_search_when_the_liver_is_small_then_the_same_is_found_with_less_than_half_of_the_patches() -> None:
    liver, tumour = np.s_[6:14, 20:36, 10:24], np.s_[8:11, 24:28, 14:18]
    found, whole, patches, all_patches = both(study((liver, LIVER), (tumour, TUMOUR)))
    assert np.array_equal(found, whole)
    assert (found == 2).sum() == 3 * 4 * 4
    assert patches < all_patches / 2


def test_search_when_a_side_is_hardly_longer_than_a_patch_then_the_margin_gives_way_and_patches_are_saved() -> (
    None
):
    # Patches of 32 in the plane; the liver is 22 voxels wide, 34 with its margins.
    wide = SETTINGS.model_copy(update={"patch_kji": (8, 32, 32), "stride_kji": (4, 24, 24)})
    channels = study((np.s_[6:16, 20:42, 20:42], LIVER))
    patches = {}
    for search in ("liver", "liver-tight"):
        predict = Counted()
        found = label_liver(channels, BODY, predict, wide.model_copy(update={"search": search}))
        assert np.array_equal(found > 0, channels[0] > 0)
        patches[search] = predict.patches
    assert patches["liver-tight"] < patches["liver"]


def test_search_when_a_tight_margin_was_too_little_then_the_region_grows() -> None:
    tight = SETTINGS.model_copy(
        update={"patch_kji": (8, 32, 32), "stride_kji": (4, 24, 24), "search": "liver-tight"}
    )
    # The first look sees 22 voxels; a dim tail leads out of the region.
    channels = study((np.s_[6:16, 20:42, 20:42], LIVER), (np.s_[10:12, 30:32, 42:60], DIM))
    first_look = len([*range(0, 12 - 8, 4), 0])
    found = label_liver(channels, BODY, Counted(blind_patches=first_look), tight)
    assert np.array_equal(found > 0, channels[0] > 0)


def test_search_when_the_liver_reaches_beyond_what_was_seen_then_the_region_grows_to_its_end() -> None:
    # The first look sees the bright part only; a dim tail leads far away from it.
    channels = study((np.s_[6:16, 12:40, 8:36], LIVER), (np.s_[10:12, 20:22, 36:58], DIM))
    first_look = len([*range(0, 12 - 8, 4), 0]) * len([*range(0, 32 - 16, 12), 0]) ** 2
    found, whole, patches, _ = both(channels, Counted(blind_patches=first_look))
    assert np.array_equal(found, whole)
    assert found[11, 21, 57] == 1
    assert patches > first_look


def test_search_when_the_first_look_misses_most_of_the_liver_then_the_whole_body_is_searched() -> None:
    channels = study((np.s_[6:16, 20:24, 20:24], LIVER), (np.s_[6:16, 20:30, 24:34], DIM))
    first_look = len([*range(0, 12 - 8, 4), 0]) * len([*range(0, 32 - 16, 12), 0]) ** 2
    found, whole, patches, all_patches = both(channels, Counted(blind_patches=first_look))
    assert np.array_equal(found, whole)
    assert patches > first_look + all_patches


def test_search_when_the_first_look_sees_nothing_then_the_whole_body_is_searched() -> None:
    channels = study((np.s_[9:10, 31:32, 31:32], DIM))
    found, whole, patches, all_patches = both(channels)
    assert np.array_equal(found, whole)
    assert found.sum() == 1
    assert patches > all_patches


def test_search_when_the_volume_is_hardly_larger_than_a_patch_then_there_is_no_first_look() -> None:
    channels = study((np.s_[2:6, 4:12, 4:12], LIVER))[:, :8, :16, :20]
    predict = Counted()
    found = label_liver(channels, BODY[:8, :16, :20], predict, SETTINGS)
    assert predict.patches == 2
    assert found.sum() == 4 * 8 * 8


def test_search_when_there_is_air_around_a_body_of_odd_size_then_nothing_is_labelled_in_it() -> None:
    channels, body = study((np.s_[6:14, 20:36, 10:24], LIVER))[:, :23, :63, :61], BODY[:23, :63, :61].copy()
    body[:, :, :12] = False
    found = label_liver(channels, body, Counted(), SETTINGS)
    assert found.any() and not found[:, :, :12].any()
    assert np.array_equal(found, label_body(channels, body, Counted(), SETTINGS))
