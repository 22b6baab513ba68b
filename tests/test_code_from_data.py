"""No pickle, no eval, no shell: the rule, and that it fails where it must."""

from pathlib import Path

import pytest

from tests.code_from_data import forbidden
from tests.test_architecture import ROOT, SOURCES

WATCHED = [*SOURCES, *sorted((ROOT / "deploy").glob("*.py"))]


@pytest.mark.parametrize("path", WATCHED, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_holds_no_pickle_eval_or_bare_print(path: Path) -> None:
    assert not forbidden(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "eval(x)", "exec(x)", "print(x)", "builtins.eval(x)", "from builtins import exec as run\nrun(x)",
        "harmless = eval\nharmless(x)", "list(map(eval, lines))", "__import__(x)",
        "import pickle", "import pickle as p", "from pickle import loads", "import _pickle", "import joblib",
        "import pandas as pd\npd.read_pickle(x)", "frame.to_pickle(x)", "import dill.source",
        "import numpy as np\nnp.load(x, allow_pickle=True)", "from numpy import load\nload(x, None, True)",
        "np.load(x, allow_pickle=flag)",
        "import torch\ntorch.load(x)", "import torch as t\nt.load(x, weights_only=False)",
        "from torch import load\nload(x)", "import torch\npartial(torch.load, x)",
        "import os\nos.system(x)", "from os import system as s\ns(x)", "import os as o\no.popen(x)",
        "import os\nos.execv(x, y)", "import subprocess\nsubprocess.run(x, shell=True)",
        "from subprocess import Popen\nPopen(x, shell=flag)", "import subprocess\nsubprocess.getoutput(x)",
        "import asyncio\nasyncio.create_subprocess_shell(x)",
        "import yaml\nyaml.load(x, Loader=y)", "from yaml import unsafe_load", "import yaml\nyaml.full_load(x)",
    ],
)  # fmt: skip
def test_rule_when_data_becomes_code_then_says_so(source: str) -> None:
    assert forbidden(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()", "console.print(x)", "pattern.exec(x)",
        "import subprocess\nsubprocess.run([x], shell=False)",
        "import numpy as np\nnp.load(x, allow_pickle=False)", "import torch\ntorch.load(x, weights_only=True)",
        "import yaml\nyaml.safe_load(x)", "import json\njson.load(x)",
        "from safetensors.torch import load\nload(x)",
    ],
)  # fmt: skip
def test_rule_when_nothing_is_run_then_is_silent(source: str) -> None:
    assert forbidden(source) == []
