"""The rows of the paper's tables, and of what it is compared with."""

from dataclasses import replace

from pipeline.evaluation.parts import Masks
from pipeline.evaluation.settings import Model, Setting
from pipeline.study import Role
from pipeline.training.pictures import View

PROPOSED = Setting("proposed", "All sequences, radiomics + clinical, automatic")
"""The setting that the paper proposes."""

SEQUENCE_TITLES = {
    Role.DWI: "DWI",
    Role.T1_PRE: "T1 pre-contrast",
    Role.T1_ARTERIAL: "T1 arterial phase",
    Role.T1_PORTAL: "T1 portal phase",
    Role.T1_HEPATOBILIARY: "T1 hepatobiliary phase",
    Role.T2: "T2",
}
"""In the order of the paper's table 1."""

SINGLE_SEQUENCES = tuple(
    Setting(f"sequence_{role.value}", title, roles=(role,)) for role, title in SEQUENCE_TITLES.items()
)
RADIOMICS = Setting("radiomics", "Radiomics alone, automatic", clinical=False)
CLINICAL = Setting("clinical", "Clinical values alone", masks=None)
MANUAL = Setting("manual", "Radiomics + clinical, manual", masks=Masks.MANUAL)
MANUAL_RADIOMICS = Setting("manual_radiomics", "Radiomics alone, manual", masks=Masks.MANUAL, clinical=False)
LOGISTIC = Setting("logistic", "Logistic regression", model=Model.LOGISTIC)
BOOSTING = Setting("boosting", "Gradient boosting", model=Model.BOOSTING)

NEBBIA_ROLES = tuple(role for role in Role if role is not Role.T1_HEPATOBILIARY)
"""Five sequences; which, the paper does not say. A site without gadoxetate has these."""
NEBBIA = Setting(
    "nebbia",
    "After Nebbia: original images, five sequences, manual",
    Masks.MANUAL,
    NEBBIA_ROLES,
    clinical=False,
    model=Model.LOGISTIC,
    originals_only=True,
)
NEBBIA_AUTOMATIC = replace(
    NEBBIA,
    key="nebbia_automatic",
    title="After Nebbia, but automatic",
    masks=Masks.AUTOMATIC,
)

CONVOLUTIONS = tuple(
    Setting(f"cnn_{view.value}", f"After Wu: {title}", clinical=False, model=Model.CONVOLUTION, view=view)
    for view, title in {
        View.SLICE: "2-D network, whole slice",
        View.SLICE_MASKED: "2-D network, outside of the tumour blank",
        View.SLICE_CROPPED: "2-D network, box around the tumour",
        View.VOLUME: "3-D network, whole volume",
        View.VOLUME_MASKED: "3-D network, outside of the tumour blank",
        View.VOLUME_CROPPED: "3-D network, box around the tumour",
    }.items()
)
"""End to end, after Wu et al.; hours where the others take minutes, so that they are fitted when asked for."""

TABLE_1 = (*SINGLE_SEQUENCES, PROPOSED)
TABLE_2 = (MANUAL, MANUAL_RADIOMICS, RADIOMICS, PROPOSED, CLINICAL)
BASELINES = (PROPOSED, LOGISTIC, BOOSTING)
OTHER_SYSTEMS = (PROPOSED, MANUAL, NEBBIA, NEBBIA_AUTOMATIC)
SETTINGS = tuple({setting.key: setting for setting in (*TABLE_1, *TABLE_2, *BASELINES, *OTHER_SYSTEMS)}.values())
"""Every setting of radiomics and clinical values once."""
EVERY_SETTING = (*SETTINGS, *CONVOLUTIONS)
