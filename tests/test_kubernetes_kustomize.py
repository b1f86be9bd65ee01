"""The plain manifests: valid, and object by object what the chart makes of the same installation."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.kubernetes_manifests import (
    KUSTOMIZE,
    OWN_KINDS,
    VERSIONS,
    Manifest,
    check_object,
    kustomized,
    one,
    pod_specs,
    rendered,
    values_of,
)

OVERLAYS = sorted(path.name for path in (KUSTOMIZE / "overlays").iterdir())
HASH = re.compile(r"-[2456789bcdfghkmt]{10}$")  # kustomize's, after the name of a ConfigMap
OF_HELM = ("helm.sh/", "checksum/", "app.kubernetes.io/managed-by")


def of_workers(manifests: list[Manifest]) -> list[Manifest]:
    """Without what only Helm has: the test, and the copies that come before the release."""
    kept = []
    for each in manifests:
        hook = each["metadata"].get("annotations", {}).get("helm.sh/hook")
        if hook is None or each["kind"] == "Job":
            kept.append(each)
    return kept


def plain(value: Any) -> Any:
    """An object without Helm's labels and annotations, kustomize's hashes and name space."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: plain(each) for key, each in value.items() if not key.startswith(OF_HELM) and key != "namespace"}
    if value.get("name") == "GENRED_SOURCES":
        kept["value"] = json.loads(value["value"])
    if "genred.toml" in value:
        kept["genred.toml"] = tomllib.loads(value["genred.toml"])
    if "configMap" in value:  # the topics Job of the chart has a copy
        kept["configMap"] = {"name": HASH.sub("", value["configMap"]["name"]).removesuffix("-topics")}
    for key in ("env", "volumes", "volumeMounts"):
        if key in kept:
            kept[key] = sorted(kept[key], key=lambda each: str(each["name"]))
    return {key: each for key, each in kept.items() if key != "annotations" or each}


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    """The objects, made comparable."""
    found = {}
    for each in manifests:
        name = HASH.sub("", each["metadata"]["name"]) if each["kind"] == "ConfigMap" else each["metadata"]["name"]
        body = plain(each)
        body["metadata"]["name"] = name
        found[each["kind"], name] = body
    assert len(found) == len(manifests)
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_chart_makes_the_same(overlay: str) -> None:
    from_chart, from_kustomize = by_name(of_workers(rendered(values_of(overlay)))), by_name(kustomized(overlay))
    assert set(from_kustomize) == set(from_chart)
    for key, made in from_kustomize.items():
        assert made == from_chart[key], key


def test_the_comparison_sees_a_difference() -> None:
    from_chart, from_kustomize = by_name(of_workers(rendered(values_of("gpu")))), by_name(kustomized("plain"))
    differing = {kind for (kind, name), made in from_kustomize.items() if made != from_chart[kind, name]}
    assert differing == {"StatefulSet", "ConfigMap"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_valid(overlay: str) -> None:
    manifests = kustomized(overlay)
    assert len(manifests) >= 7
    for manifest in manifests:
        check_object(manifest)


def test_two_versions_of_kubernetes_and_five_other_kinds_are_known() -> None:
    assert len(VERSIONS) == 2
    assert kubernetes_validate.latest_version().startswith(VERSIONS[-1])
    assert set(OWN_KINDS) == {"ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule", "ServiceMonitor"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_lead_somewhere(overlay: str) -> None:
    manifests = kustomized(overlay)
    config_map = next(each["metadata"]["name"] for each in manifests if "genred.toml" in each.get("data", {}))
    assert HASH.search(config_map), "settings that change must change the pods"
    for pod in pod_specs(manifests).values():
        names = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
        assert names == [config_map]
        mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert {each["metadata"].get("namespace") for each in manifests} == {"music"}
    stateful = one(manifests, "StatefulSet")["spec"]
    assert stateful["serviceName"] == one(manifests, "Service")["metadata"]["name"]


def test_no_more_workers_than_partitions() -> None:
    base, scaled = kustomized("plain"), kustomized("production")
    words = pod_specs(base)["Job"]["containers"][0]["args"]
    partitions = int(words[words.index("--partitions") + 1])
    assert one(base, "StatefulSet")["spec"]["replicas"] <= partitions
    limits = one(scaled, "ScaledObject")["spec"]
    assert 1 <= limits["minReplicaCount"] <= limits["maxReplicaCount"] <= partitions
    assert "replicas" not in one(scaled, "StatefulSet")["spec"]


def test_every_file_is_used() -> None:
    folders = [(KUSTOMIZE / "base", "Kustomization")]
    folders += [(folder, "Kustomization") for folder in (KUSTOMIZE / "overlays").iterdir()]
    folders += [(folder, "Component") for folder in (KUSTOMIZE / "components").iterdir()]
    for folder, kind in folders:
        text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
        assert yaml.safe_load(text)["kind"] == kind
        unused = [each.name for each in folder.iterdir() if each.name != "kustomization.yaml" and each.name not in text]
        assert unused == []
