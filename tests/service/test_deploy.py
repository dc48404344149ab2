"""The files that deploy the service: each is as its format's linter wants it, and they agree with one another."""

from __future__ import annotations

import configparser
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
MANIFESTS = sorted(file for file in KUBERNETES.glob("*.yaml") if file.name != "kustomization.yaml")
YAMLLINT = "{extends: default, rules: {line-length: {max: 120}, document-start: disable, truthy: {check-keys: false}}}"
WORKERS_END = 5  # seconds that the processes get after --grace


def lint(program: str, *words: str | Path) -> str:
    """What a linter says that finds nothing wrong; one that is not installed skips the test."""
    beside = Path(sys.executable).with_name(program)  # in the same virtual environment
    found = beside if beside.exists() else shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([found, *words], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def manifest(name: str, kind: str) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    return next(part for part in yaml.safe_load_all((KUBERNETES / name).read_text()) if part["kind"] == kind)


def compose() -> dict[str, Any]:
    return pytest.importorskip("yaml").safe_load((DEPLOY / "compose.yaml").read_text())


def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "impasto.service")
    return dict(parser["Service"])


def dockerfile(instruction: str) -> str:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.partition(" ")[2] for line in text.splitlines() if line.startswith(instruction + " ")][-1]


def commands() -> dict[str, list[str]]:
    """The words after `impasto serve` in each of the files."""
    image = [word for name in ("ENTRYPOINT", "CMD") for word in re.findall(r'"([^"]*)"', dockerfile(name))]
    start = image[: image.index("8080") + 1]
    pod = manifest("deployment.yaml", "Deployment")["spec"]["template"]["spec"]
    return {
        "Dockerfile": image[2:],
        "compose.yaml": start[2:] + compose()["services"]["impasto"]["command"],
        "kubernetes": start[2:] + pod["containers"][0]["args"],
        "impasto.service": shlex.split(unit()["ExecStart"])[2:],
    }


def value(words: list[str], option: str) -> str | None:
    joined = " ".join(words).replace("=", " ").split()
    return joined[joined.index(option) + 1] if option in joined else None


def test_dockerfile() -> None:
    assert lint("hadolint", "deploy/Dockerfile") == ""


def test_compose_file() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def test_yaml() -> None:
    assert lint("yamllint", "--strict", "-d", YAMLLINT, "deploy") == ""


def test_manifests() -> None:
    lint("kubernetes-validate", "--strict", *MANIFESTS)


def test_manifests_together(tmp_path: Path) -> None:
    folder = shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    shutil.copy(folder / "keys.example.txt", folder / "keys.txt")
    made = lint("kubectl", "kustomize", folder)
    names = re.findall(r"name: (impasto-keys\S*)|secretName: (\S+)", made)
    assert len({first or second for first, second in names}) == 1  # a new key starts new pods
    assert (
        made.count("namespace: impasto\n") == len(re.findall("^kind:", made, re.MULTILINE)) - 1
    )  # in it are all others


def test_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "impasto.service").read_text()
    there = tmp_path / "impasto.service"
    there.write_text(text.replace("/opt/impasto/bin/impasto", sys.executable))
    assert "impasto.service" not in lint("systemd-analyze", "verify", there)
    lint("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", there)


def test_options_are_those_of_the_command() -> None:
    if importlib.util.find_spec("impasto.cli.serve") is None:
        pytest.skip("there is no impasto serve")
    told = subprocess.run([sys.executable, "-m", "impasto", "serve", "--help"], capture_output=True, text=True).stdout
    known = set(re.findall(r"--[a-z][a-z-]+", told))
    for file, words in commands().items():
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= known, file


def test_ports_agree() -> None:
    ports = {value(words, "--port") for words in commands().values()}
    assert ports == {dockerfile("EXPOSE")} == {"8080"}
    pod = manifest("deployment.yaml", "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert [port["containerPort"] for port in pod["ports"]] == [8080]
    opened = manifest("network.yaml", "NetworkPolicy")["spec"]["ingress"][0]["ports"]
    assert [port["port"] for port in opened] == [8080]
    assert compose()["services"]["impasto"]["expose"] == ["8080"]
    assert "dynamic a impasto 8080" in (DEPLOY / "Caddyfile").read_text()


def test_health_is_asked_where_no_key_is_wanted() -> None:
    pod = manifest("deployment.yaml", "Deployment")["spec"]["template"]["spec"]["containers"][0]
    asked = {probe: pod[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert ":8080/healthz" in (DEPLOY / "Dockerfile").read_text()


def test_grace_ends_before_the_supervisor_kills() -> None:
    grace = {file: float(value(words, "--grace") or 30) for file, words in commands().items()}
    spec = manifest("deployment.yaml", "Deployment")["spec"]["template"]["spec"]
    waits = float(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] >= waits + grace["kubernetes"] + WORKERS_END
    assert (
        float(compose()["services"]["impasto"]["stop_grace_period"].removesuffix("s"))
        >= grace["compose.yaml"] + WORKERS_END
    )
    assert float(unit()["TimeoutStopSec"]) >= grace["impasto.service"] + WORKERS_END
    assert unit()["KillMode"] == "mixed"


def test_keys_are_wanted_and_are_secrets() -> None:
    for file, words in commands().items():
        keys = value(words, "--api-key-file")
        assert keys, file
        assert keys.startswith(("/run/secrets/impasto", "%d/")), file
        assert "--open" not in words
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"deploy/keys.txt", "deploy/kubernetes/keys.txt"} <= set(ignored)


def test_nothing_runs_as_root_or_writes_to_its_image() -> None:
    assert dockerfile("USER") == "10001:10001"
    for name, kind in (("deployment.yaml", "Deployment"), ("redis.yaml", "StatefulSet")):
        pod = manifest(name, kind)["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["resources"]["limits"]["memory"]
    for name, service in compose()["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name


def test_what_paints_reaches_nothing_but_its_redis() -> None:
    networks = compose()["networks"]
    assert all(networks[name]["internal"] for name in compose()["services"]["impasto"]["networks"])
    rules = manifest("network.yaml", "NetworkPolicy")["spec"]
    assert set(rules["policyTypes"]) == {"Ingress", "Egress"}
    assert {port["port"] for rule in rules["egress"] for port in rule["ports"]} == {6379, 53}
    assert all(rule["to"] for rule in rules["egress"])
    assert "IPAddressDeny=any" in (DEPLOY / "impasto.service").read_text()


def test_the_image_is_built_from_files_that_are_let_in() -> None:
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for words in copied for name in words.split()} == let_in
    assert all((ROOT / name).exists() for name in let_in)
