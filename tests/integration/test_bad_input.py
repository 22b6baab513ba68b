"""Bad input through the real program: one line that says what to do, the right exit code, no traceback."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from dicom_io.phantom.miniature import coarse
from dicom_io.phantom_series import write_phantom_study
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.phantom import make_case
from tests.integration.service import mvi_node


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantom")
    made = mvi_node("phantom", str(out), "--seed", "12")
    assert made.returncode == 0, made.stderr
    return out / "dicom"


def _complaint(exit_code: int, *arguments: str) -> str:
    result = mvi_node(*arguments)
    assert result.returncode == exit_code, (result.returncode, result.stdout, result.stderr)
    assert "Traceback" not in result.stderr
    return result.stderr + result.stdout


def _configuration(folder: Path, port: int) -> Path:
    path = folder / "node.toml"
    storage = folder / "storage"
    path.write_text(f'[node]\nstorage = "{storage}"\nport = {port}\nhost = "127.0.0.1"\n', encoding="utf-8")
    return path


def _one_series(study: Path, out: Path) -> Path:
    first = sorted(path for path in study.iterdir() if path.is_dir())[0]
    shutil.copytree(first, out)
    return out


@pytest.mark.parametrize("verb", ["match", "analyse"])
def test_folder_without_dicom_when_given_then_exit_1_and_says_so(verb: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("no image", encoding="utf-8")
    extra = ["--out", str(tmp_path / "out")] if verb == "analyse" else []
    complaint = _complaint(1, verb, str(tmp_path), *extra)
    assert "no readable DICOM file in" in complaint
    assert "name the folder that holds the files of a study" in complaint


def test_folder_that_does_not_exist_when_matched_then_named(tmp_path: Path) -> None:
    for verb in (["match"], ["analyse", "--out", str(tmp_path / "out")]):
        complaint = _complaint(2, *verb, str(tmp_path / "absent"))
        assert "absent is not a folder; name a folder" in complaint


def test_one_series_when_matched_then_refused_with_a_code(study: Path, tmp_path: Path) -> None:
    result = mvi_node("match", str(_one_series(study, tmp_path / "one")), "--json")
    document = json.loads(result.stdout)
    assert (result.returncode, document["status"]) == (3, "refused")
    assert document["code"].startswith("SM-")
    assert document["message"]


def test_one_series_when_analysed_then_a_refusal_report_is_written(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder = str(_one_series(study, tmp_path / "one"))
    result = mvi_node("analyse", folder, "--out", str(out), "--json", "--profile")
    assert result.returncode == 3, result.stderr
    assert json.loads(result.stdout)["status"] == "refused"
    assert (out / "sr.dcm").is_file()
    assert not (out / "seg.dcm").exists()
    stages = [cost["stage"] for cost in json.loads((out / "profile.json").read_text())["stages"]]
    assert (stages[0], stages[-1]) == ("scan", "report")
    assert "mvi-node: scan " in result.stderr


def test_two_patients_in_one_study_when_matched_then_refused(tmp_path: Path) -> None:
    assert mvi_node("phantom", str(tmp_path), "--seed", "12", "--scenario", "two-patients").returncode == 0
    result = mvi_node("match", str(tmp_path / "dicom"), "--json")
    assert result.returncode == 3
    assert json.loads(result.stdout)["code"] == "SM-PATIENT"
    assert "PHANTOM^" not in result.stdout + result.stderr


def test_truncated_file_when_matched_then_named_and_nothing_else_lost(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    victim = sorted(folder.rglob("*.dcm"))[5]
    victim.write_bytes(victim.read_bytes()[:200])
    result = mvi_node("match", str(folder), "--json")
    assert result.returncode in (0, 3)
    assert victim.name in result.stderr
    assert "Traceback" not in result.stderr


def test_wrong_checksum_of_a_model_when_verified_or_served_then_names_the_file(tmp_path: Path) -> None:
    shutil.copytree(BUNDLED_FOLDER / "phantom-demo", tmp_path / "models" / "phantom-demo")
    victim = tmp_path / "models" / "phantom-demo" / "segmentation.safetensors"
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    configuration = _configuration(tmp_path, port=0)
    with configuration.open("a", encoding="utf-8") as file:
        file.write(f'[model]\nfolder = "{tmp_path / "models"}"\n')
    complaint = _complaint(1, "serve", "--config", str(configuration))
    assert "segmentation.safetensors" in complaint
    assert "checksum" in complaint.lower()


def test_port_that_is_taken_when_served_then_says_which_and_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        configuration = _configuration(tmp_path, port)
        complaint = _complaint(1, "serve", "--config", str(configuration))
    assert str(port) in complaint
    assert "node.port" in complaint


@pytest.mark.parametrize("verb", ["phantom", "demo"])
def test_output_that_cannot_be_written_when_asked_for_then_exit_1(verb: str, tmp_path: Path) -> None:
    # A file in the way: the tests may run as root, whom no permission stops.
    (tmp_path / "file").write_text("", encoding="utf-8")
    arguments = (
        [str(tmp_path / "file" / "out")] if verb == "phantom" else ["--out", str(tmp_path / "file" / "out")]
    )
    assert "file" in _complaint(1, verb, *arguments)


def test_wrong_configuration_when_served_then_exit_2_and_names_every_key(tmp_path: Path) -> None:
    configuration = tmp_path / "node.toml"
    configuration.write_text('[node]\nport = "many"\nae_titel = "X"\n', encoding="utf-8")
    complaint = _complaint(2, "serve", "--config", str(configuration))
    assert "node.port" in complaint
    assert "node.ae_titel" in complaint


def test_model_that_is_not_installed_when_served_then_exit_2_and_says_how_to_list_them(tmp_path: Path) -> None:
    configuration = _configuration(tmp_path, 0)
    configuration.write_text(
        configuration.read_text(encoding="utf-8") + '[model]\nactive = "absent"\n', encoding="utf-8"
    )
    complaint = _complaint(2, "serve", "--config", str(configuration))
    assert "no model 'absent'" in complaint
    assert "models list" in complaint


def test_demo_when_the_folder_holds_other_files_then_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "source.py").write_text("precious", encoding="utf-8")
    assert "--out" in _complaint(2, "demo", "--out", str(tmp_path))
    assert (tmp_path / "node" / "source.py").read_text(encoding="utf-8") == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["node"]


def test_t2_that_is_mirrored_when_matched_then_passed_over_and_when_analysed_then_refused(tmp_path: Path) -> None:
    # Its headers are right, and `match` compares the phases only: what it passes over, a later stage refuses.
    case = coarse(make_case(31))
    truth = write_phantom_study(case, tmp_path / "phantom", vendor="siemens")
    roles: dict[str, Any] = truth["roles"]  # type: ignore[assignment]  # JSON
    for path in filter(Path.is_file, (tmp_path / "phantom" / "dicom").rglob("*")):
        ds = dcmread(path)
        if ds.get("SOPInstanceUID") in roles["T2"]["sop_instance_uids"]:
            ds.PixelData = np.ascontiguousarray(ds.pixel_array[:, ::-1]).tobytes()
            ds.save_as(path)
    folder = str(tmp_path / "phantom" / "dicom")
    assert mvi_node("match", folder, "--json").returncode == 0
    result = mvi_node("analyse", folder, "--out", str(tmp_path / "out"), "--json", timeout_s=1200)
    document = json.loads(result.stdout)
    assert (result.returncode, document["status"], document["code"]) == (3, "refused", "QG-MIRROR")
    assert (tmp_path / "out" / "sr.dcm").is_file() and not (tmp_path / "out" / "seg.dcm").exists()
