"""The chart: what Kubernetes takes, hosting every process, without rights or default secrets, scaled by backlog."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from infra.helm.render import VALUES, Refused, lint, render
from polyvox import topics
from polyvox.metrics import BACKLOG_AUDIO
from polyvox.settings import Settings
from polyvox.supervisor import PROCESSES
from polyvox.weights import list_models

KUBERNETES = "1.33"
FILES = sorted(VALUES.glob("*.yaml"))
SCHEMALESS = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
"""Of KEDA and the Prometheus operator."""

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def objects(request: pytest.FixtureRequest) -> Objects:
    return render(request.param)


@pytest.fixture(scope="module")
def aws() -> Objects:
    return render(VALUES / "aws.yaml")


def of_kind(objects: Objects, kind: str) -> dict[str, dict[str, Any]]:
    """By name without the release's."""
    return {re.sub(r"^polyvox-?", "", one["metadata"]["name"]): one for one in objects if one["kind"] == kind}


def pods(objects: Objects) -> dict[str, dict[str, Any]]:
    return {name: one["spec"]["template"]["spec"] for name, one in of_kind(objects, "Deployment").items()}


def settings_in(objects: Objects) -> dict[str, str]:
    found: dict[str, str] = of_kind(objects, "ConfigMap")[""]["data"]
    return found


@pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)
def test_helm_finds_nothing_wrong(values: Path) -> None:
    lint(values)


def test_kubernetes_would_take_every_object(objects: Objects) -> None:
    for one in objects:
        if one["kind"] not in SCHEMALESS:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))


def test_every_process_of_polyvox_up_is_a_deployment(objects: Objects) -> None:
    watching = "POLYVOX_WATCHES" in settings_in(objects)
    hosted = {name: pod["containers"][0]["args"] for name, pod in pods(objects).items()}
    assert hosted == {
        process.name: ["run", *process.services] for process in PROCESSES if watching or process.needs != "watches"
    }


def test_every_selector_finds_its_pods(objects: Objects) -> None:
    labels = {
        name: one["spec"]["template"]["metadata"]["labels"] for name, one in of_kind(objects, "Deployment").items()
    }

    def chosen(selector: dict[str, str]) -> set[str]:
        return {name for name, has in labels.items() if selector.items() <= has.items()}

    for name, one in of_kind(objects, "Deployment").items():
        assert chosen(one["spec"]["selector"]["matchLabels"]) == {name}
    for name, one in of_kind(objects, "PodDisruptionBudget").items():
        assert chosen(one["spec"]["selector"]["matchLabels"]) == {name}
    services = of_kind(objects, "Service")
    assert chosen(services[""]["spec"]["selector"]) == {"front"}
    assert chosen(services["metrics"]["spec"]["selector"]) == set(labels)


def test_no_container_has_rights(objects: Objects) -> None:
    for name, pod in pods(objects).items():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_every_process_is_probed_and_bounded(objects: Objects) -> None:
    for pod in pods(objects).values():
        (container,) = pod["containers"]
        paths = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")}
        assert set(paths.values()) == {"/health"}
        assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
        assert container["resources"]["limits"]["memory"]
        assert pod["terminationGracePeriodSeconds"] > Settings().drain_timeout_s


def test_settings_are_those_that_exist_and_are_valid(objects: Objects) -> None:
    given = {name.removeprefix("POLYVOX_").lower(): value for name, value in settings_in(objects).items()}
    assert given.keys() <= Settings.model_fields.keys()
    settings = Settings.model_validate(given)
    assert settings.kafka_bootstrap
    for pod in pods(objects).values():
        for variable in pod["containers"][0].get("env", []):
            assert variable["name"].removeprefix("POLYVOX_").lower() in Settings.model_fields


def test_secrets_come_from_a_secret_alone(objects: Objects) -> None:
    secret = of_kind(objects, "Secret")
    for pod in pods(objects).values():
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            (name,) = [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]
            assert name == "polyvox" if secret else name
    hidden = {f"POLYVOX_{name.upper()}" for name in ("database", "s3_secret_key", "kafka_password", "hf_token")}
    assert not hidden & settings_in(objects).keys()
    if secret:
        assert secret[""]["stringData"].keys() <= {f"POLYVOX_{name.upper()}" for name in Settings.model_fields}


def test_weights_are_fetched_before_a_worker_starts_and_cannot_be_changed_by_it(objects: Objects) -> None:
    known = {model.name for model in list_models(Path("/nowhere"))}
    for name in ("transcriber", "diarizer"):
        pod = pods(objects)[name]
        assert pod["initContainers"][0]["args"][:2] == ["weights", "pull"]
        assert set(pod["initContainers"][0]["args"][2:]) <= known
        mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
        assert mounts["weights"]["readOnly"] is True


def test_workers_scale_with_the_seconds_of_audio_that_wait(aws: Objects) -> None:
    scaled = of_kind(aws, "ScaledObject")
    assert scaled.keys() == {"normaliser", "transcriber", "diarizer"}
    for name, one in scaled.items():
        deployment = of_kind(aws, "Deployment")[name]
        assert one["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert "replicas" not in deployment["spec"]
        backlog, *lags = one["spec"]["triggers"]
        assert (backlog["type"], {lag["type"] for lag in lags}) == ("prometheus", {"kafka"})
        query = backlog["metadata"]["query"]
        assert re.search(rf"\b{BACKLOG_AUDIO.name}\b", query)
        grouped = re.search(r"max by \(([^)]*)\)", query)
        assert grouped is not None
        assert {"stage", *grouped[1].split(", ")} == set(BACKLOG_AUDIO.labels)
        stage = re.search(r'stage="(\w+)"', query)
        assert stage is not None and stage[1] in BACKLOG_AUDIO.meaning
        assert {lag["metadata"]["topic"].removeprefix("production-") for lag in lags} == work_of(name)
        for lag in lags:
            assert lag["metadata"]["consumerGroup"] == f"production-{name}"
            assert lag["metadata"]["sasl"] == "scram_sha512"
            assert lag["metadata"]["tls"] == "enable"
            assert lag["authenticationRef"]["name"] in {
                found["metadata"]["name"] for found in of_kind(aws, "TriggerAuthentication").values()
            }
        assert one["spec"]["fallback"]["replicas"] >= 1


def work_of(name: str) -> set[str]:
    """Topics whose messages are work for a process: those that it reads in lanes."""
    return {topic.name for topic in topics.TOPICS.values() if name in topic.consumers and topic.lane}


def test_without_prometheus_the_lag_of_kafka_counts() -> None:
    for name, one in of_kind(render(VALUES / "own-servers.yaml"), "ScaledObject").items():
        triggers = one["spec"]["triggers"]
        assert {trigger["type"] for trigger in triggers} == {"kafka"}
        assert len(triggers) == len(work_of(name))


def test_gpus_are_asked_for_where_they_are(aws: Objects) -> None:
    for name, pod in pods(aws).items():
        (container,) = pod["containers"]
        on_gpu = name in ("transcriber", "diarizer")
        assert container["resources"]["limits"].get("nvidia.com/gpu") == (1 if on_gpu else None)
        assert ({"name": "POLYVOX_DEVICE", "value": "cuda"} in container.get("env", [])) == on_gpu
        assert (pod.get("nodeSelector") == {"node.kubernetes.io/instance-type": "g6.xlarge"}) == on_gpu
        assert any(one["key"] == "nvidia.com/gpu" for one in pod.get("tolerations", [])) == on_gpu


def test_watches_reach_the_watcher_as_they_were_written(aws: Objects) -> None:
    assert json.loads(settings_in(aws)["POLYVOX_WATCHES"]) == [
        {"bucket": "example-recordings", "prefix": "calls/", "tenant": "support", "options": {"num_speakers": 2}}
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--set=image.registry="], "image.registry"),
        (["--set=secrets.existingSecret="], "secrets.existingSecret"),
        (["--set=settings.kafka_password=x"], "kafka_password"),
        (["--set=proceses.front.replicas=3"], "proceses"),
    ],
)
def test_what_is_missing_or_misplaced_is_named(more: list[str], said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        render(VALUES / "minimal.yaml", more=more)
