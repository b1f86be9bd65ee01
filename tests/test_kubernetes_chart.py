"""The Helm chart, rendered by Helm itself: valid objects, settings that load, pods that may do little."""

from __future__ import annotations

import json
import math
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
import pytest
import yaml
from helm_python.chart import lint

from daemon.errors import SettingsError
from daemon.http_server import HttpServer
from daemon.kafka_settings import KafkaSourceSettings
from daemon.settings import Settings, load_settings
from tests.kubernetes_manifests import (
    CHART,
    DEPLOY,
    INSTALLATIONS,
    KUSTOMIZE,
    Manifest,
    changed,
    check_object,
    notes,
    one,
    pod_specs,
    rendered,
    values_of,
    variables,
)


def loaded(manifests: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> Settings:
    """The settings as the daemon in such a pod reads them."""
    pod = pod_specs(manifests)[kind]
    config = next(volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "settings")
    file = tmp_path / "genred.toml"
    file.write_text(one(manifests, "ConfigMap", config)["data"]["genred.toml"], encoding="utf-8")
    for name, value in variables(pod).items():
        if name.startswith("GENRED_"):
            monkeypatch.setenv(name, "from-a-secret" if value is None else value.replace("$(POD_NAME)", "genred-3"))
    return load_settings(file, {})


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_lint_and_schemas(installation: str) -> None:
    report = lint(CHART, values_of(installation), strict=True)
    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] >= 2] == []
    manifests = rendered(values_of(installation))
    assert len(manifests) >= 4
    for manifest in manifests:
        check_object(manifest)


def test_a_check_of_objects_refuses_what_is_unknown() -> None:
    manifests = rendered(values_of("production"))
    for kind in ("StatefulSet", "ScaledObject", "PodMonitor", "PrometheusRule"):
        wrong = one(manifests, kind)
        wrong["spec"]["nonsense"] = 1
        with pytest.raises((kubernetes_validate.ValidationError, AssertionError)):
            check_object(wrong)


@pytest.mark.parametrize("installation", INSTALLATIONS)
@pytest.mark.parametrize("kind", ["StatefulSet", "Job", "Pod"])
def test_the_daemon_takes_its_settings(
    installation: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests, values = rendered(values_of(installation)), values_of(installation)
    if kind not in pod_specs(manifests):
        assert (kind, values["topics"]["create"]) == ("Job", False)
        return
    settings = loaded(manifests, tmp_path, monkeypatch, kind)
    (source,) = settings.sources
    assert isinstance(source, KafkaSourceSettings)
    assert source.instance_id == ("genred-3" if kind == "StatefulSet" else None)
    assert list(settings.kafka.bootstrap_servers) == values["settings"]["kafka"]["bootstrap_servers"]
    assert (settings.kafka.sasl is not None) == ("sasl" in values)
    assert (settings.kafka.tls is not None) == ("tls" in values)
    mounts = [Path(each["mountPath"]) for each in pod_specs(manifests)[kind]["containers"][0]["volumeMounts"]]
    for file in secret_files(settings):
        assert any(mount in file.parents for mount in mounts), file


def secret_files(settings: Settings) -> list[Path]:
    """The files that the settings name."""
    sasl, tls = settings.kafka.sasl, settings.kafka.tls
    of_sasl = [sasl.password_file, sasl.token_file] if sasl else []
    of_tls = [tls.ca_file, tls.cert_file, tls.key_file] if tls else []
    return [file for file in (*of_sasl, *of_tls) if file is not None]


def test_every_setting_arrives_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"model": 'a "quoted" name\\', "models": [], "engine": {"queue_windows": 1048576, "max_wait_ms": 2.5}}
    wanted |= {"tags": {"all_labels": True}, "engine": {**cast("dict[str, Any]", wanted["engine"]), "threads": 3}}
    settings = loaded(rendered(changed({"settings": wanted})), tmp_path, monkeypatch, "StatefulSet")
    assert settings.model == wanted["model"]
    assert (settings.engine.queue_windows, settings.engine.max_wait_ms, settings.engine.threads) == (1048576, 2.5, 3)
    assert settings.tags.all_labels


def test_another_port_is_the_same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = rendered(changed({"settings": {"http": {"port": 9999}}}))
    assert loaded(manifests, tmp_path, monkeypatch, "StatefulSet").http.port == 9999
    (port,) = pod_specs(manifests)["StatefulSet"]["containers"][0]["ports"]
    assert (port["containerPort"], port["name"]) == (9999, "metrics")
    assert one(manifests, "Service")["spec"]["ports"][0]["port"] == 9999


def test_what_the_images_set_the_pod_sets_too() -> None:
    files = {"plain": "Dockerfile.cpu", "gpu": "Dockerfile.gpu"}
    for installation, name in files.items():
        file = DEPLOY / "docker" / name
        of_image = set(re.findall(r"\b(GENRED_\w+)=", file.read_text(encoding="utf-8"))) if file.exists() else set()
        of_pod = set(variables(pod_specs(rendered(values_of(installation)))["StatefulSet"]))
        assert of_image | {"GENRED_HTTP__PORT", "GENRED_HTTP__HOST"} <= of_pod


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_pods_may_do_little(installation: str) -> None:
    for pod in pod_specs(rendered(values_of(installation))).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_service_variables_would_be_refused_and_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for pod in pod_specs(rendered(values_of("every"))).values():
        assert pod["enableServiceLinks"] is False
    monkeypatch.setenv("GENRED_SERVICE_HOST", "10.0.0.1")  # what a Service called genred gives, else
    with pytest.raises(SettingsError, match="GENRED_SERVICE_HOST"):
        load_settings(None, {})


def test_probes_ask_what_the_daemon_answers() -> None:
    served = HttpServer.__new__(HttpServer)._application().router.resources()
    routes = {resource.canonical for resource in served}
    manifests = rendered(values_of("production"))
    (container,) = pod_specs(manifests)["StatefulSet"]["containers"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    monitored = one(manifests, "PodMonitor")["spec"]["podMetricsEndpoints"][0]
    assert {probe["httpGet"]["path"] for probe in probes.values()} | {monitored["path"]} <= routes
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {probe["httpGet"]["port"] for probe in probes.values()} | {monitored["port"]} == set(named)
    assert named["metrics"] == Settings().http.port


@pytest.mark.parametrize("drain_s", [0.5, 20, 30.5, 600])
def test_a_drain_ends_before_the_pod_is_killed(drain_s: float) -> None:
    pod = pod_specs(rendered(changed({"settings": {"drain_timeout_s": drain_s}})))["StatefulSet"]
    assert pod["terminationGracePeriodSeconds"] == math.ceil(drain_s) + 15


def test_secrets_come_by_file_and_stay_out_of_the_settings() -> None:
    values = values_of("every")
    manifests = rendered(values)
    for manifest in manifests:
        if manifest["kind"] != "Secret":
            assert "hush" not in json.dumps(manifest), manifest["metadata"]["name"]
    assert one(manifests, "Secret", "genred-sasl")["stringData"] == {"password": values["sasl"]["password"]}
    assert one(manifests, "Secret", "genred-tls")["stringData"] == {"ca.crt": values["tls"]["ca"]}
    assert "sasl.password" in notes(values)


def test_hooks_run_before_the_release_and_bring_all_they_need() -> None:
    manifests = rendered(values_of("every"))
    hooks = {
        (each["kind"], each["metadata"]["name"])
        for each in manifests
        if "pre-install" in each["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    }
    volumes = pod_specs(manifests)["Job"]["volumes"]
    needed = {("ConfigMap", each["configMap"]["name"]) for each in volumes if "configMap" in each}
    needed |= {("Secret", each["secret"]["secretName"]) for each in volumes if "secret" in each}
    assert len(needed) == 3
    assert needed < hooks
    assert pod_specs(manifests)["Job"]["serviceAccountName"] == "default"  # the release's own is not there yet


def test_a_change_of_settings_replaces_the_pods() -> None:
    def checksum(values: dict[str, Any]) -> str:
        template = one(rendered(values), "StatefulSet")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    plain = values_of("plain")
    assert checksum(plain) == checksum(plain)
    assert checksum(plain) != checksum(changed({"settings": {"tags": {"min_score": 0.3}}}))


def test_selectors_find_the_workers_and_nothing_else() -> None:
    manifests = rendered(values_of("every"), name="radios")
    worker = one(manifests, "StatefulSet", "radios-genred")["spec"]["template"]["metadata"]["labels"]
    other = one(manifests, "Job", "radios-genred-topics")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one(manifests, "Service", "radios-genred")["spec"]["selector"],
        one(manifests, "PodDisruptionBudget", "radios-genred")["spec"]["selector"]["matchLabels"],
        one(manifests, "StatefulSet", "radios-genred")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= worker.items()
        assert not selector.items() <= other.items()
    policy = one(manifests, "NetworkPolicy", "radios-genred")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= worker.items()
    assert [port["port"] for port in policy["egress"][1]["ports"]] == [9093, 9094, 9095]


def test_made_parts_are_up_to_date() -> None:
    made = runpy.run_path(str(DEPLOY / "helm" / "make_chart.py"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    assert made["made_schema"](json.loads(json.dumps(schema))) == schema, "run: python deploy/helm/make_chart.py"
    assert made["made_readme"](readme, schema) == readme, "run: python deploy/helm/make_chart.py"
    rules = (KUSTOMIZE / "components" / "observability" / "prometheusrule.yaml").read_text(encoding="utf-8")
    assert made["made_rules"]() == rules, "run: python deploy/helm/make_chart.py"


def test_the_rules_are_those_that_prometheus_reads() -> None:
    """All of them, with their pages where this installation has them."""
    groups = []
    for name in ("recording", "alerts"):
        text = (DEPLOY / "prometheus" / "rules" / f"{name}.yml").read_text(encoding="utf-8")
        groups += yaml.safe_load(text.replace("docs/runbooks", "https://wiki.example/genred"))["groups"]
    rules = one(rendered(values_of("every")), "PrometheusRule")
    assert rules["spec"]["groups"] == groups
    assert rules["metadata"]["labels"]["release"] == "prometheus"
    for rule in groups[1]["rules"]:
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example/genred/{rule['alert']}.md"


def test_the_dashboards_are_those_that_were_made() -> None:
    config = one(rendered(values_of("every")), "ConfigMap", "genred-dashboards")
    files = sorted((DEPLOY / "grafana" / "dashboards").iterdir())
    assert config["data"] == {file.name: file.read_text(encoding="utf-8") for file in files}
    assert len(json.dumps(config)) < 2**18  # what kubectl apply remembers of an object
    assert config["metadata"]["labels"]["grafana_dashboard"] == "yes"


def test_rules_and_dashboards_are_made_when_asked_for() -> None:
    kinds = [(each["kind"], each["metadata"]["name"]) for each in rendered(values_of("plain"))]
    assert "PrometheusRule" not in [kind for kind, _ in kinds]
    assert ("ConfigMap", "genred-dashboards") not in kinds


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (CHART / "Chart.yaml").read_text(encoding="utf-8")
    assert f'appVersion: "{project["version"]}"' in text


def test_only_workers_take_gpus() -> None:
    pods = pod_specs(rendered(values_of("gpu")))
    images = {kind: pod["containers"][0]["image"].partition(":")[0] for kind, pod in pods.items()}
    assert images == {"StatefulSet": "genred-gpu", "Job": "genred", "Pod": "genred"}
    limits = {kind: pod["containers"][0]["resources"]["limits"] for kind, pod in pods.items()}
    assert [kind for kind, limit in limits.items() if "nvidia.com/gpu" in limit] == ["StatefulSet"]
    digest = "sha256:" + 64 * "a"
    (worker,) = pod_specs(rendered(changed({"image": {"digest": digest}})))["StatefulSet"]["containers"]
    assert worker["image"] == f"genred@{digest}"
