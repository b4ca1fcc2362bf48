"""What ``deploy/`` says fits the product: names, ports, paths, versions, and the promises of a hardened container."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from assistant.channels.guard import LARGEST_BODY
from assistant.cli.main import app
from assistant.settings import Settings
from assistant.web.library import LARGEST_UPLOAD

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {str(field.alias) for field in Settings.model_fields.values()}
# What is no setting of ours, and whose it is.
OF_OTHERS = {
    *("FORWARDED_ALLOW_IPS",),  # uvicorn
    *("PATH", "HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
    *("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"),  # the image of PostgreSQL
    *("UPSTREAMS", "HTTP_PORT", "HTTPS_PORT"),  # the Caddyfile
    *("ANONYMIZED_TELEMETRY",),  # Chroma
}
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
VERSION = PROJECT["project"]["version"]
PINNED = re.compile(r"[a-z][a-z./-]*:\d+\.\d+(\.\d+)?(-[a-z]+)*")  # a full version, not latest, not a major alone
HEALTH = ("/healthz", "/readyz", "/metrics")

Manifest = dict[str, Any]


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


COMPOSE: Manifest = yaml.safe_load(text_of("compose.yaml"))
SERVICES: dict[str, Manifest] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"].startswith("ayumi:")}
MANIFESTS: list[Manifest] = [
    manifest
    for path in sorted((DEPLOY / "k8s").glob("*.yaml"))
    if not path.name.startswith("prometheus-adapter")
    for manifest in yaml.safe_load_all(path.read_text("utf-8"))
]
PODS = {
    manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]
    for manifest in MANIFESTS
    if manifest["kind"] in ("Deployment", "Job")
}
UNITS = {path.name: path for path in sorted((DEPLOY / "systemd").iterdir())}
SERVICE_UNITS = [name for name in UNITS if name.endswith(".service")]


def of_kind(kind: str) -> list[Manifest]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] == kind]


def unit(name: str) -> dict[str, list[str]]:
    """The lines of a unit: values by key, whatever the section."""
    found: dict[str, list[str]] = {}
    for line in UNITS[name].read_text("utf-8").splitlines():
        key, is_set, value = line.partition("=")
        if is_set and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, arguments) of the image."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text_of("Dockerfile")))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """(where it stands, arguments) of every start of Ayumi."""
    yield "Dockerfile", yaml.safe_load(next(rest for name, rest in dockerfile() if name == "CMD"))
    for name, service in OURS.items():
        yield name, service["command"]
    for name, pod in PODS.items():
        yield name, pod["containers"][0]["args"]
    for name in SERVICE_UNITS:
        for line in unit(name)["ExecStart"]:
            words = shlex.split(line.replace("%i", "8001"))
            words = shlex.split(words[2].removeprefix("exec ")) if words[0] == "/bin/sh" else words
            assert words[0] == "/opt/ayumi/bin/ayumi"
            yield name, words[1:]


def environment_names() -> Iterator[tuple[str, str]]:
    """(where it stands, name) of every variable that is set."""
    for name, service in SERVICES.items():
        yield from ((name, each) for each in service.get("environment", {}))
    yield from (("compose.env", each) for each in re.findall(r"(?m)^([A-Z_]+)=", text_of("compose.env.example")))
    yield from (("compose.yaml", each) for each in re.findall(r"\$\{([A-Z_]+)", text_of("compose.yaml")))
    yield from (("Caddyfile", each) for each in re.findall(r"\{\$([A-Z_]+)", text_of("Caddyfile")))
    for manifest in MANIFESTS:
        values: Manifest = manifest.get("data") or manifest.get("stringData") or {}
        yield from ((manifest["metadata"]["name"], each) for each in values if not each.endswith(".yaml"))
    for name in SERVICE_UNITS:
        for line in unit(name)["Environment"]:
            yield from ((name, each.partition("=")[0]) for each in line.split())
    for instruction, rest in dockerfile():
        if instruction == "ENV" and "PIP_" not in rest:
            yield from (("Dockerfile", each.partition("=")[0]) for each in rest.split())


def test_every_variable_that_is_set_is_a_setting_or_somebody_elses() -> None:
    assert {name for _, name in environment_names()} - OF_OTHERS - SETTINGS == set()
    assert len(list(environment_names())) > 40


@pytest.mark.parametrize(("where", "arguments"), list(command_lines()), ids=lambda value: str(value)[:40])
def test_every_start_is_a_command_that_the_product_understands(where: str, arguments: list[str]) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    name, *options = arguments
    group.commands[name].make_context(name, [str(each) for each in options])  # raises for an option that there is not


def test_migrating_again_restarts_nobody() -> None:
    """What is required by a unit takes it along when it is restarted; what is wanted does not (systemd.unit(5))."""
    users = [name for name in SERVICE_UNITS if "@" in name]
    assert len(users) == 3
    for name in users:
        assert "Requires" not in unit(name)
        assert any("ayumi-migrate.service" in each for each in unit(name)["Wants"])
        assert any("ayumi-migrate.service" in each for each in unit(name)["After"])


def test_a_port_that_is_asked_is_the_one_that_is_served() -> None:
    lines = [arguments for where, arguments in command_lines() if where in OURS and "--port" in arguments]
    served = [arguments[arguments.index("--port") + 1] for arguments in lines]
    assert set(served) == {"8000"}
    assert ("EXPOSE", "8000") in dockerfile()
    assert {port["containerPort"] for pod in PODS.values() for port in pod["containers"][0].get("ports", [])} == {8000}
    asked = re.findall(r"127\.0\.0\.1:(\d+)/(\w+)", text_of("Dockerfile") + text_of("compose.yaml"))
    assert set(asked) == {("8000", "healthz")}


def test_every_path_that_is_asked_or_kept_inside_is_one_of_the_product() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "assistant").rglob("*.py"))
    caddy, ingress = text_of("Caddyfile"), text_of("k8s/ingress.yaml")
    for path in (*HEALTH, "/library"):
        assert f'"{path}"' in source
        assert path in caddy
        assert path in ingress
    probes = re.findall(
        r"path: (/\w+)", "".join(text_of(f"k8s/{role}.yaml") for role in ("web", "worker", "scheduler"))
    )
    assert set(probes) == set(HEALTH)


def test_webhooks_and_forms_are_small_and_documents_fit() -> None:
    caddy = [int(size) * 1_000_000 for size in re.findall(r"max_size (\d+)MB", text_of("Caddyfile"))]
    ingress = [int(size) << 20 for size in re.findall(r"proxy-body-size: (\d+)m", text_of("k8s/ingress.yaml"))]
    for largest, small in (caddy, sorted(ingress, reverse=True)):
        assert largest > LARGEST_UPLOAD
        assert LARGEST_BODY <= small < 2 * LARGEST_BODY


def test_every_image_is_pinned_and_ours_is_of_this_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += [rest.split()[0] for name, rest in dockerfile() if name == "FROM"]
    assert [image for image in images if not PINNED.fullmatch(image)] == []
    [kustomization] = of_kind("Kustomization")
    ours = {image for image in images if image.startswith("ayumi:")}
    assert ours == {f"ayumi:{VERSION}"} == {f"{each['name']}:{each['newTag']}" for each in kustomization["images"]}


def test_the_vectors_server_is_of_the_version_of_our_client() -> None:
    locked = re.search(r"^chromadb==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert locked is not None
    assert SERVICES["chroma"]["image"] == f"chromadb/chroma:{locked[1]}"


def test_packages_are_installed_by_their_hashes() -> None:
    installs = [rest for name, rest in dockerfile() if name == "RUN" and "pip install" in rest]
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "--no-deps" in installs[1]


def test_an_image_is_built_from_the_packages_and_nothing_else() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    packages = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert allowed == packages | {"requirements.lock", "pyproject.toml", "README.md"}
    copied = {
        each for name, rest in dockerfile() if name == "COPY" and "--from" not in rest for each in rest.split()[:-1]
    }
    assert copied == allowed


def test_the_image_runs_as_nobody_in_particular_without_a_shell() -> None:
    lines = dict(dockerfile())
    assert lines["USER"] == "10001:10001"
    assert lines["STOPSIGNAL"] == "SIGTERM"
    for instruction in ("ENTRYPOINT", "CMD"):
        assert lines[instruction].startswith("[")
    assert '["' in lines["HEALTHCHECK"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "memory" in service["deploy"]["resources"]["limits"]
    assert "stop_grace_period" in service
    assert service["healthcheck"].get("test") or service["command"] == ["migrate"]


def test_compose_starts_two_of_each_role() -> None:
    counts: dict[str, int] = {}
    for service in OURS.values():
        role = service["command"][0]
        counts[role] = counts.get(role, 0) + service["deploy"].get("replicas", 1)
    assert counts == {"serve": 2, "worker": 2, "scheduler": 2, "migrate": 1}
    assert set(SERVICES) - set(OURS) == {"proxy", "postgres", "chroma"}


def test_nothing_starts_before_the_schema_is_there() -> None:
    for name, service in OURS.items():
        after = service["depends_on"]
        assert after["postgres"] == {"condition": "service_healthy"}
        assert name == "migrate" or after["migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["chroma"]["networks"] == ["inside"]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    pod = PODS[name]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/data", "/tmp"}
    assert {"requests", "limits"} == set(container["resources"])


@pytest.mark.parametrize("deployment", of_kind("Deployment"), ids=lambda each: each["metadata"]["name"])
def test_a_deployment_is_watched_and_never_down_as_a_whole(deployment: Manifest) -> None:
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    assert (
        container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    )  # never of the database: all would restart at once
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    selector = deployment["spec"]["selector"]
    [budget] = [each for each in of_kind("PodDisruptionBudget") if each["spec"]["selector"] == selector]
    assert budget["spec"]["maxUnavailable"] == 1
    scalers = {each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicas"] for each in scaled()}
    assert deployment["spec"].get("replicas", scalers.get(deployment["metadata"]["name"])) == 2


def scaled() -> list[Manifest]:
    return of_kind("HorizontalPodAutoscaler")


def test_workers_are_scaled_by_a_figure_that_there_is() -> None:
    [metric] = [
        each["external"]["metric"]["name"] for s in scaled() for each in s["spec"]["metrics"] if "external" in each
    ]
    source = "".join(path.read_text("utf-8") for path in (ROOT / "assistant").rglob("*.py"))
    assert f'"{metric}"' in source
    rules: Manifest = yaml.safe_load(text_of("k8s/prometheus-adapter.values.yaml"))
    assert rules["rules"]["external"][0]["name"]["as"] == metric


def test_every_manifest_but_examples_is_applied() -> None:
    [kustomization] = of_kind("Kustomization")
    files = {path.name for path in (DEPLOY / "k8s").iterdir()}
    left_out = {"kustomization.yaml", "secret.example.yaml", "prometheus-adapter.values.yaml"}
    assert set(kustomization["resources"]) == files - left_out


def test_no_example_carries_a_secret() -> None:
    [secret] = of_kind("Secret")
    assert set(secret["stringData"].values()) == {""}
    filled = re.findall(r"(?m)^([A-Z_]*(?:SECRET|TOKEN|PASSWORD)[A-Z_]*)=(.+)$", text_of("compose.env.example"))
    assert filled == []


@pytest.mark.parametrize("name", SERVICE_UNITS)
def test_a_unit_sees_nothing_of_the_machine_but_its_data(name: str) -> None:
    lines = unit(name)
    assert lines["User"] == ["ayumi"]
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices", "RestrictNamespaces"):
        assert lines[key] == ["yes"]
    assert lines["ProtectSystem"] == ["strict"]
    assert lines["CapabilityBoundingSet"] == [""]
    assert "ayumi" in lines["StateDirectory"]


def test_every_timer_has_its_service() -> None:
    timers = [name for name in UNITS if name.endswith(".timer")]
    assert timers
    assert [name for name in timers if name.replace(".timer", ".service") not in UNITS] == []
