"""The Helm chart's values: what does not fit is refused by name, before anything is made."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from helm_python import Config, HelmError

from tests.kubernetes_manifests import CHART, DEPLOY, changed, notes, one, pod_specs, rendered, values_of

ROOT = Path(__file__).resolve().parent.parent
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"settings": {"kafka": {"bootstrap_servers": []}}}, "bootstrap_servers"),
    ({"settings": {"kafka": {"bootstrap_servers": ["kafka"]}}}, "bootstrap_servers"),
    ({"settings": {"engine": {"threds": 2}}}, "threds"),
    ({"settings": {"sources": []}}, "sources"),
    ({"settings": {"kafka": {"sasl": {"mechanism": "PLAIN"}}}}, "sasl"),
    ({"settings": {"drain_timeout_s": 0}}, "drain_timeout_s"),
    ({"settings": {"http": {"port": 0}}}, "port"),
    ({"settings": {"http": {"enabled": False}}}, "enabled"),
    ({"source": {"instance_id": "me"}}, "instance_id"),
    ({"source": {"delivery": "perhaps-once"}}, "delivery"),
    ({"nonsense": 1}, "nonsense"),
    ({"image": {"tagg": "1"}}, "tagg"),
    ({"replicas": -1}, "replicas"),
    ({"replicas": 13}, "topics.partitions"),
    ({"terminationMarginSeconds": 0}, "terminationMarginSeconds"),
    ({"resources": {"limits": {"memory": "much"}}}, "memory"),
    ({"keda": {"enabled": True, "maxReplicas": 13}}, "keda.maxReplicas is 13, topics.partitions 12"),
    ({"keda": {"enabled": True, "minReplicas": 5, "maxReplicas": 4}}, "keda.minReplicas is 5"),
    ({"keda": {"enabled": True}, "sasl": {"mechanism": "OAUTHBEARER", "existingSecret": "t"}}, "bearer token"),
    ({"sasl": {"mechanism": "GSSAPI"}}, "mechanism"),
    ({"sasl": {"mechanism": "PLAIN", "username": "me"}}, "existingSecret"),
    ({"sasl": {"mechanism": "PLAIN", "existingSecret": "s"}}, "sasl.username"),
    ({"sasl": {"mechanism": "PLAIN", "username": "me", "existingSecret": "s", "password": "p"}}, "one of the two"),
    ({"sasl": {"mechanism": "PLAIN", "usernameKey": "u", "password": "p"}}, "usernameKey"),
    ({"tls": {"enabled": True, "ca": "x", "existingSecret": "s"}}, "one of the two"),
    ({"tls": {"enabled": True, "clientCertificate": True}}, "existingSecret"),
    ({"monitor": {"kind": "Grafana"}}, "kind"),
    ({"prometheusRule": {"enabled": "yes"}}, "enabled"),
    ({"prometheusRule": {"runbooks": ""}}, "runbooks"),
    ({"dashboards": {"label": "x"}}, "label"),
    ({"gpu": {"count": 2}}, "count"),
]


@pytest.mark.parametrize(
    ("change", "named"), REFUSED, ids=[f"{number}-{named}" for number, (_, named) in enumerate(REFUSED)]
)
def test_bad_values_are_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(HelmError, match=re.escape(named)):
        rendered(changed(change))


def test_as_many_workers_as_partitions_are_taken() -> None:
    limits = {"replicas": 24, "topics": {"partitions": 24}, "keda": {"enabled": True, "maxReplicas": 24}}
    scaled = rendered(changed(limits))
    assert one(scaled, "ScaledObject")["spec"]["maxReplicaCount"] == 24
    assert "replicas" not in one(scaled, "StatefulSet")["spec"]


def test_keda_does_not_scale_to_zero_unless_told() -> None:
    assert one(rendered(changed({"keda": {"enabled": True}})), "ScaledObject")["spec"]["minReplicaCount"] == 1
    assert "nothing is tagged until" in notes(changed({"keda": {"enabled": True, "minReplicas": 0}}))


def test_helm_keeps_hooks_apart_from_the_release() -> None:
    """A dry run as a client: no cluster is asked."""
    values = values_of("every")
    with Config(storage_driver="memory", namespace="music") as config:
        release = config.install(CHART, "genred", values, dry_run="client")
    installed = {(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(release["manifest"]) if each}
    everything = {(each["kind"], each["metadata"]["name"]) for each in rendered(values)}
    hooks = {("Job", "genred-topics"), ("ConfigMap", "genred-topics"), ("NetworkPolicy", "genred-topics")}
    hooks |= {("Secret", "genred-sasl-topics"), ("Secret", "genred-tls-topics"), ("Pod", "genred-check")}
    assert everything - installed == hooks
    assert installed <= everything


def test_the_values_in_the_docs_are_taken() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    blocks = [dedent(block) for block in re.findall(r"^ *```yaml\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)]
    first, second = (yaml.safe_load(block) for block in blocks)
    assert one(rendered(first), "StatefulSet")["spec"]["replicas"] == first["replicas"]
    both = rendered({**first, **second})
    assert one(both, "ScaledObject")["spec"]["minReplicaCount"] == second["keda"]["minReplicas"]
    assert [trigger["type"] for trigger in one(both, "ScaledObject")["spec"]["triggers"]] == ["kafka", "prometheus"]


def test_a_long_user_id_is_a_whole_number() -> None:
    """Helm keeps numbers as floats, and writes a million as 1e+06; OpenShift's ids are longer."""
    made = rendered(changed({"userId": 1_000_650_000}, "every"))
    for spec in pod_specs(made).values():
        ids = [spec["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")]
        assert [repr(each) for each in ids] == ["1000650000"] * 3


def test_the_scrape_configuration_gives_the_labels_that_keda_asks_by() -> None:
    triggers = one(rendered(values_of("production")), "ScaledObject")["spec"]["triggers"]
    (query,) = [each["metadata"]["query"] for each in triggers if each["type"] == "prometheus"]
    config = yaml.safe_load((DEPLOY / "prometheus" / "kubernetes.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    labels = {rule.get("target_label") for rule in job["relabel_configs"]}
    assert set(re.findall(r"(\w+)=~?\"", query)) - {"stage"} == {"namespace", "pod"}
    assert {"namespace", "pod"} <= labels


def test_the_load_that_keda_asks_for_is_a_metric_of_the_daemon() -> None:
    triggers = one(rendered(values_of("production")), "ScaledObject")["spec"]["triggers"]
    (query,) = [each["metadata"]["query"] for each in triggers if each["type"] == "prometheus"]
    name, stages = re.findall(r"(genred_\w+)_sum{stage=~\"([^\"]*)\"", query)[0]
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")  # made from the code, and compared with it
    assert f"| `{name}` | histogram | `stage` |" in page
    scorers = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "daemon").rglob("*_scorer.py"))
    assert stages.split("|") == ["features", "inference"]
    for stage in stages.split("|"):
        assert scorers.count(f'self._timed("{stage}"') == 2, "timed on the CPU and on the GPU"
