"""Build files, manifests and units: no engine and no cluster runs them here, so linters and schemas check them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.loading import load_settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
EXPOSURE_LIMIT = 15
"""Of 100; what systemd calls an exposure of 1.5, where a unit without hardening has 9.6."""


def lint(tool: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    program = str(Path(sys.executable).with_name(tool))
    command = [program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def documents(path: Path) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(path.read_text(encoding="utf-8")) if item]


MANIFESTS = sorted(path for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml")
OBJECTS = [item for path in MANIFESTS for item in documents(path)]


def test_dockerfile_when_linted_then_nothing_is_found() -> None:
    result = lint("hadolint", "--failure-threshold", "style", DEPLOY / "Dockerfile")
    assert result.returncode == 0, result.stdout


def test_dockerfile_when_read_then_bases_are_pinned_and_the_user_is_not_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    stages = {line.split(" AS ")[1] for line in lines if line.startswith("FROM ")}
    outside = {line.split()[1] for line in lines if line.startswith("FROM ")} - stages
    assert {"cpu", "gpu"} <= stages
    assert all(base.count(":") == 1 and not base.endswith(":latest") for base in outside), outside
    assert lines[-1] == "USER 10701:10701"
    assert any(line.startswith("HEALTHCHECK ") for line in lines)


def test_shell_scripts_when_linted_then_nothing_is_found() -> None:
    scripts = sorted(DEPLOY.rglob("*.sh"))
    assert scripts
    result = lint("shellcheck", *scripts)
    assert result.returncode == 0, result.stdout


def test_compose_when_checked_against_its_schema_then_valid() -> None:
    result = lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    assert result.returncode == 0, result.stdout


def test_compose_when_read_then_every_mounted_file_is_there_and_every_port_is_on_loopback() -> None:
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).is_file(), f"{name}: {source}"
            assert source.startswith(".") or source in COMPOSE["volumes"], f"{name}: {source}"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name


def test_compose_when_its_parts_name_one_another_then_names_and_ports_agree() -> None:
    services = COMPOSE["services"]
    settings = load_settings(DEPLOY / "compose" / "node.toml", {})
    orthanc = json.loads((DEPLOY / "compose" / "orthanc.json").read_text(encoding="utf-8"))
    pacs, scanner = settings.peers
    assert [pacs.ae_title, pacs.host, pacs.port] == [orthanc["DicomAet"], "orthanc", orthanc["DicomPort"]]
    assert orthanc["DicomModalities"]["node"] == [settings.node.ae_title, "node", settings.node.port]
    assert {pacs.host, scanner.host, "node", "postgres"} <= set(services)
    targets = yaml.safe_load((DEPLOY / "compose" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert targets["scrape_configs"][0]["static_configs"][0]["targets"] == [f"node:{settings.watch.port}"]
    viewer = json.loads((DEPLOY.parent / "tests/viewers/package.json").read_text(encoding="utf-8"))
    assert services["ohif"]["image"] == f"ohif/app:v{viewer['dependencies']['@ohif/app']}"


def test_manifests_when_checked_against_their_schemas_then_valid() -> None:
    result = lint("kubernetes-validate", "--strict", *MANIFESTS)
    assert result.returncode == 0, result.stdout + result.stderr


def test_kustomization_when_read_then_names_every_manifest_and_a_valid_configuration() -> None:
    (kustomization,) = documents(BASE / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]
    settings = load_settings(BASE / "node.toml", {})
    scheduler = next(item for item in OBJECTS if item["metadata"]["name"] == "mvi-node-scheduler")
    assert settings.compute.scheduler == f"tcp://{scheduler['metadata']['name']}:8786"
    assert settings.watch.port == 9108


def test_pods_when_read_then_no_container_may_more_than_it_needs() -> None:
    pods = [item["spec"]["template"]["spec"] for item in OBJECTS if item["kind"] in ("StatefulSet", "Deployment")]
    assert len(pods) == 3
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"] + pod.get("initContainers", []):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_services_when_they_select_pods_then_there_are_such() -> None:
    labels = [
        item["spec"]["template"]["metadata"]["labels"]
        for item in OBJECTS
        if item["kind"] in ("StatefulSet", "Deployment")
    ]
    for service in [item for item in OBJECTS if item["kind"] == "Service"]:
        assert service["spec"]["selector"] in labels, service["metadata"]["name"]


@pytest.mark.peer("systemd")
def test_unit_when_analysed_then_valid_and_hardened(tmp_path: Path) -> None:
    text = (DEPLOY / "node.service").read_text(encoding="utf-8")
    unit = tmp_path / "mvi-node.service"
    # The program is not installed here, and `verify` asks for it.
    program = "@PREFIX@/opt/mvi-node/current/bin/mvi-node"
    assert program in text
    unit.write_text(
        text.replace(program, "/bin/true").replace("@PREFIX@", "").replace("@USER@", "daemon"), encoding="utf-8"
    )
    verified = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = subprocess.run(
        ["/usr/bin/systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout.splitlines()[-1]
