"""Bundles from elsewhere: signed, packed, installed, activated, and every way in which one must be refused."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from config.loading import load_settings
from node.audit.trail import Trail
from node.cli import app
from node.models.choice import load_active_bundle
from node.models.signature import SIGNATURE
from pipeline.bundle_manifest import MANIFEST
from pipeline.errors import ModelMisfitError
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, write_bundle
from tests.unit.pipeline.bundles import SMALL, blank_tensors


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["models", *(str(argument) for argument in arguments)])
    return result.exit_code, result.stdout, result.stderr


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    private = Ed25519PrivateKey.generate()
    secret, public = folder / f"{name}-private.pem", folder / f"{name}.pem"
    secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public


def bundle(folder: Path, version: str = "1.0.0", name: str = "hospital") -> Path:
    write_bundle(
        folder,
        name=name,
        version=version,
        intended_use="tests",
        settings=SMALL,
        tensors=blank_tensors(),
        training={},
    )
    return folder


class Site:
    """A site with a configuration, and the key of its trainer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private, self.public = key_pair(folder, "trainer")
        self.config = folder / "node.toml"
        self.models = folder / "store" / "models"
        self.configure("")
        self.archive = folder / "hospital.zip"
        assert run("pack", bundle(folder / "trained"), self.archive, "--key", self.private)[0] == 0

    def configure(self, more: str) -> None:
        self.config.write_text(
            f'[node]\nstorage = "{self.folder}/store"\n\n[model]\nactive = "phantom-demo"  # the demo\n{more}'
        )

    def install(self, archive: Path, *more: object) -> tuple[int, str, str]:
        return run("install", archive, "--config", self.config, *more)

    def details(self) -> list[str]:
        return [record["detail"] for record in Trail(self.folder / "store").records()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def repacked(site: Site, change: Callable[[dict[str, bytes]], None], name: str = "changed.zip") -> Path:
    with zipfile.ZipFile(site.archive) as source:
        files = {entry: source.read(entry) for entry in source.namelist()}
    change(files)
    path = site.folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry, content in files.items():
            target.writestr(entry, content)
    return path


def test_install_and_activate_of_a_signed_bundle_are_recorded_and_keep_the_comments(site: Site) -> None:
    code, output, errors = site.install(site.archive, "--key", site.public, "--json")
    assert code == 0, errors
    document = json.loads(output)
    assert (document["name"], document["version"], document["replaced"]) == ("hospital", "1.0.0", None)
    assert len(document["signed_by"]) == 64
    assert [path.name for path in site.models.iterdir()] == ["hospital"]
    code, _, errors = run("activate", "hospital", "--config", site.config)
    assert code == 0
    assert "restart it to take this one" in errors
    assert 'active = "hospital"' in site.config.read_text()
    assert "# the demo" in site.config.read_text()
    installed, activated = site.details()
    assert "hospital 1.0.0" in installed
    assert "signed by" in installed
    assert "activated in place of phantom-demo" in activated
    listed = {row["name"]: row for row in json.loads(run("list", "--json", "--config", site.config)[1])["models"]}
    assert listed["hospital"]["active"] is True


def test_install_of_a_name_that_is_there_needs_replace(site: Site) -> None:
    assert site.install(site.archive, "--key", site.public)[0] == 0
    code, _, errors = site.install(site.archive, "--key", site.public)
    assert (code, errors.count("\n")) == (3, 1)
    assert "MB-EXISTS: hospital 1.0.0 is installed" in errors
    newer = site.folder / "newer.zip"
    run("pack", bundle(site.folder / "later", "1.1.0"), newer, "--key", site.private)
    code, output, _ = site.install(newer, "--key", site.public, "--replace", "--json")
    assert json.loads(output)["replaced"] == "1.0.0"
    assert [path.name for path in site.models.iterdir()] == ["hospital"]


def _tampered(files: dict[str, bytes]) -> None:
    files[CLASSIFIER] = files[CLASSIFIER][:-1] + b"\x01"


def _reworded(files: dict[str, bytes]) -> None:
    files[MANIFEST] = files[MANIFEST].replace(b'"tests"', b'"a cure"')


def _unsigned(files: dict[str, bytes]) -> None:
    del files[SIGNATURE]


def _escaping(files: dict[str, bytes]) -> None:
    files["../../escaped.txt"] = b"out"


def _bombed(files: dict[str, bytes]) -> None:
    files[SEGMENTATION] = bytes(50_000_000)


def _long_manifest(files: dict[str, bytes]) -> None:
    files[MANIFEST] += b" " * 5_000_000


def _garbled_signature(files: dict[str, bytes]) -> None:
    files[SIGNATURE] = b"[]"


def _lacking(files: dict[str, bytes]) -> None:
    del files[SEGMENTATION]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_tampered, "MB-DAMAGED"),
        (_reworded, "MB-SIGNATURE"),
        (_unsigned, "MB-UNSIGNED"),
        (_escaping, "MB-ARCHIVE"),
        (_bombed, "MB-SIZE"),
        (_long_manifest, "MB-SIZE"),
        (_garbled_signature, "MB-SIGNATURE"),
        (_lacking, "MB-ARCHIVE"),
    ],
)
def test_install_of_a_changed_archive_is_refused_with_a_code_and_leaves_nothing(
    site: Site, change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    exit_code, output, errors = site.install(repacked(site, change), "--key", site.public, "--json")
    assert exit_code == 3
    assert json.loads(output)["code"] == code
    assert errors.count("\n") == 1
    assert list(site.models.iterdir()) == []
    assert not list(site.folder.rglob("escaped.txt"))


def test_install_of_a_link_of_a_double_entry_and_of_no_archive_is_refused(site: Site) -> None:
    link, double, text = (site.folder / name for name in ("link.zip", "double.zip", "text.zip"))
    with zipfile.ZipFile(link, "w") as target:
        entry = zipfile.ZipInfo(MANIFEST)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(entry, "/etc/passwd")
    with zipfile.ZipFile(double, "w") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr(MANIFEST, "{}")
        target.writestr(MANIFEST, "{}")
    text.write_text("no archive")
    for archive, words in ((link, "a link or device"), (double, "once each"), (text, "no intact zip archive")):
        code, _, errors = site.install(archive)
        assert (code, errors.count("\n")) == (3, 1)
        assert "MB-ARCHIVE" in errors
        assert words in errors


def test_install_of_a_bundle_signed_by_another_is_refused_also_where_no_signature_is_demanded(site: Site) -> None:
    _, other = key_pair(site.folder, "other")
    for more in (("--key", other), ()):
        code, _, errors = site.install(site.archive, *more)
        assert code == 3
        assert "MB-KEY" in errors


def test_install_of_a_bundle_named_like_a_path_is_refused(site: Site) -> None:
    evil = site.folder / "evil.zip"
    assert run("pack", bundle(site.folder / "evil", name="../../evil"), evil)[0] == 0
    code, _, errors = site.install(evil)
    assert code == 3
    assert "MB-NAME" in errors


def test_model_that_no_trusted_key_signed_is_not_used_where_a_signature_is_demanded(site: Site) -> None:
    unsigned = repacked(site, _unsigned)
    assert site.install(unsigned)[0] == 0  # Allowed, until it is forbidden.
    site.configure(f'require_signature = true\ntrusted_keys = ["{site.public}"]\n')
    code, _, errors = run("activate", "hospital", "--config", site.config)
    assert (code, "MB-UNSIGNED" in errors) == (3, True)
    code, _, errors = run("verify", "hospital", "--config", site.config)
    assert (code, "MB-UNSIGNED" in errors) == (1, True)
    assert site.install(site.archive, "--replace")[0] == 0
    assert run("activate", "hospital", "--config", site.config)[0] == 0
    assert run("activate", "phantom-demo", "--config", site.config)[0] == 0


def test_activate_of_what_cannot_be_used_changes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.config.read_text()
    assert run("activate", "absent", "--config", site.config)[0] == 2
    monkeypatch.setenv("MVI_NODE_MODEL__ACTIVE", "phantom-demo")
    code, _, errors = run("activate", "phantom-demo", "--config", site.config)
    assert (code, "overrides the configuration file" in errors) == (2, True)
    assert site.config.read_text() == before
    assert site.details() == []


@pytest.mark.parametrize("content", ["no key", ""])
def test_key_that_is_none_is_named(site: Site, content: str) -> None:
    path: Any = site.folder / "key.pem"
    path.write_text(content)
    code, _, errors = site.install(site.archive, "--key", path)
    assert (code, errors.count("\n")) == (2, 1)
    assert "no readable public key" in errors


def test_analyse_when_a_bundle_was_copied_by_hand_and_does_not_fit_then_no_study_is_begun(site: Site) -> None:
    wider = SMALL.model_copy(update={"segmentation": SMALL.segmentation.model_copy(update={"channels": (2, 2)})})
    write_bundle(
        site.models / "copied",
        name="copied",
        version="1.0.0",
        intended_use="tests",
        settings=wider,
        tensors=blank_tensors(),
        training={},
    )
    settings = load_settings(site.config, {})
    with pytest.raises(
        ModelMisfitError, match=r"MB-FIT: copied 1\.0\.0: segmentation\.safetensors .* does not fit"
    ):
        load_active_bundle(settings, "copied")
    arguments = ["analyse", str(site.folder), "--out", str(site.folder / "out"), "--model", "copied"]
    result = CliRunner().invoke(app, [*arguments, "--config", str(site.config)])
    assert result.exit_code == 1
    assert "MB-FIT" in result.stderr
    assert not (site.folder / "out").exists()
