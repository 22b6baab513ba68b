"""What the model card says of the cohort."""

import pytest

from pipeline.analysis import ModelIdentity
from pipeline.model_bundle import ModelBundle
from pipeline.model_card import model_card
from tests.unit.pipeline.bundles import SMALL, blank_tensors


@pytest.mark.parametrize(
    ("kind", "said"),
    [("patients", "north, patients"), ("dicom", "north, patients"), ("phantom", "synthetic phantoms")],
)
def test_card_when_made_then_says_what_the_model_learnt_from(kind: str, said: str) -> None:
    training = {"cohort": {"name": "north", "kind": kind}}
    card = model_card(
        ModelBundle(ModelIdentity("n", "1.0.0", "0" * 64, "tests"), SMALL, blank_tensors(), training)
    )
    assert said in card
    assert ("says nothing about patients" in card) is (kind == "phantom")


def test_card_when_made_then_says_software_features_reduction_and_seeds() -> None:
    training = {"software": "0.1.0", "classifier": {"seed": 3}, "segmentation": {"taken_over_from": {"name": "n"}}}
    card = model_card(
        ModelBundle(ModelIdentity("n", "1.0.0", "0" * 64, "tests"), SMALL, blank_tensors(), training)
    )
    assert "- Code: mvi-node 0.1.0\n" in card
    assert "- Features: 14736, standardised and reduced to 1 principal components" in card
    assert "- Seeds: classifier 3, segmentation not stated, registration 0\n" in card


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ({}, "- Made from: not recorded\n"),
        ({"sources_sha256": "ab"}, "- Made from: commit not recorded, sources SHA-256 `ab`\n"),
        ({"commit": "c0ffee", "sources_sha256": "ab"}, "- Made from: commit c0ffee, sources SHA-256 `ab`\n"),
    ],
)
def test_card_when_made_then_says_which_code_or_that_nobody_recorded_it(code: dict[str, str], said: str) -> None:
    identity = ModelIdentity("n", "1.0.0", "0" * 64, "tests")
    assert said in model_card(ModelBundle(identity, SMALL, blank_tensors(), {"code": code}))


def test_card_when_made_then_says_the_dice_on_unseen_cases_or_that_nobody_recorded_it() -> None:
    identity, measured = ModelIdentity("n", "1.0.0", "0" * 64, "tests"), {"tumour": {"cases": 3, "mean": 0.9}}
    for training, said in (({}, "not recorded."), ({"held_out_dice": measured}, "tumour cases 3, mean 0.9.")):
        card = model_card(ModelBundle(identity, SMALL, blank_tensors(), training))
        assert f"Dice of the segmentation on cases it had not seen: {said}\n" in card
