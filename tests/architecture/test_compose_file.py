"""docker-compose.yml: complete, pinned, healthy, without rights and without default secrets."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from infra.docker.make_env import SECRETS, secret_values
from polyvox.access.secret import presented
from polyvox.settings import Settings
from polyvox.supervisor import PROCESSES
from tests.support.compose_file import ROOT, Missing, compose_file

ONE_SHOT = {"weights", "setup", "first-key"}
OURS = re.compile(r"^localhost/polyvox/(ingest|results-api|transcriber|diarizer):dev$")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return compose_file(dict(secret_values()))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def validate(compose: dict[str, Any]) -> None:
    # The validator does not know on-failure:3, which the specification has.
    PyCompose.from_yaml(re.sub(r"on-failure:\d+", "on-failure", yaml.safe_dump(compose))).validate()


def ours(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services.items() if OURS.match(service["image"])}


def test_it_is_what_the_compose_specification_allows(compose: dict[str, Any]) -> None:
    validate(compose)


def test_every_process_of_polyvox_up_is_a_service_of_the_same_name(services: dict[str, dict[str, Any]]) -> None:
    for process in PROCESSES:
        assert services[process.name]["command"] == ["run", *process.services]
    others = set(ours(services)) - {process.name for process in PROCESSES} - ONE_SHOT
    assert others == {"transcriber-gpu", "diarizer-gpu"}


def test_the_first_key_is_made_known_before_the_front_door_opens_and_no_other_process_has_it(
    services: dict[str, dict[str, Any]],
) -> None:
    assert services["front"]["depends_on"]["first-key"] == {"condition": "service_completed_successfully"}
    having = [name for name, service in services.items() if "POLYVOX_API_KEY" in service.get("environment", {})]
    assert having == ["first-key"]
    assert presented(services["first-key"]["environment"]["POLYVOX_API_KEY"].encode()) is not None


def test_gpus_are_asked_for_in_their_profile_alone(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        devices = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices")
        assert bool(devices) == name.endswith("-gpu")
        assert service.get("profiles", []) == (["gpu"] if name.endswith("-gpu") else [])


def test_every_image_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert tag == "dev" if name in ours(services) else re.search(r"\d+\.\d+|\d{8}", tag), service["image"]


def test_everything_that_stays_is_restarted_and_says_whether_it_is_well(services: dict[str, dict[str, Any]]) -> None:
    for dockerfile in ("Dockerfile", "minio.Dockerfile"):
        assert "HEALTHCHECK" in (ROOT / "infra/docker" / dockerfile).read_text()
    for name, service in services.items():
        if name in ONE_SHOT:
            assert service["restart"] == "on-failure:3"
        else:
            assert service["restart"] == "unless-stopped"
            assert "build" in service or service["healthcheck"]["test"][0] == "CMD", name


def test_our_services_have_no_rights_and_cannot_write_but_to_their_volumes(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
    for name, service in (ours(services) | {"minio": services["minio"]}).items():
        assert service["read_only"] is True, name


def test_ports_are_open_on_this_machine_alone(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) >= 5
    assert all(port.startswith("127.0.0.1:") for port in published), published


def test_what_decodes_recordings_has_no_way_out(compose: dict[str, Any]) -> None:
    assert compose["networks"]["back"]["internal"] is True
    for name in ("normaliser", "watcher", "projection", "transcriber", "diarizer", "postgres"):
        assert compose["services"][name]["networks"] == ["back"], name


def test_settings_are_those_that_exist(services: dict[str, dict[str, Any]]) -> None:
    for service in ours(services).values():
        for variable in service.get("environment", {}).keys() - {"POLYVOX_API_KEY"}:
            assert variable.removeprefix("POLYVOX_").lower() in Settings.model_fields, variable


@pytest.mark.parametrize("missing", SECRETS)
def test_no_secret_has_a_default(missing: str) -> None:
    variables = {name: value for name, value in secret_values() if name != missing}
    with pytest.raises(Missing, match=f"^{missing}: run `make env`"):
        compose_file(variables)


def test_secrets_are_nowhere_but_in_the_environment() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        if re.search(r"(PASSWORD|SECRET|ACCESS_KEY|TOKEN|ROOT_USER)\w*:", line):
            assert "${" in line, line


PRODUCTION = ("docker-compose.yml", "compose.production.yml")
DECISIONS = {
    "POLYVOX_REGISTRY": "registry.example/polyvox",
    "POLYVOX_VERSION": "1.2.3",
    "S3_PUBLIC_ENDPOINT": "https://s3.example",
    "GRAFANA_URL": "https://grafana.example",
}


@pytest.mark.parametrize("missing", [*SECRETS, *DECISIONS])
def test_production_asks_for_every_decision_and_secret(missing: str) -> None:
    variables = {**dict(secret_values()), **DECISIONS}
    del variables[missing]
    with pytest.raises(Missing, match=f"^{missing}: "):
        compose_file(variables, *PRODUCTION)


def test_production_runs_published_images_and_opens_few_ports() -> None:
    compose = compose_file({**dict(secret_values()), **DECISIONS}, *PRODUCTION)
    validate(compose)
    services = compose["services"]
    assert services.keys() == compose_file(dict(secret_values()))["services"].keys()
    for name, service in services.items():
        assert "build" not in service
        assert service["logging"]["options"]["max-size"] == "50m"
        assert service["restart"] == ("on-failure:3" if name in ONE_SHOT else "always")
        assert not service["image"].startswith("localhost"), name
    assert {name for name, service in services.items() if service.get("ports")} == {"front", "minio", "grafana"}
    assert services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == "INSIDE://kafka:9092"


def test_operations_md_names_every_variable_and_container(services: dict[str, dict[str, Any]]) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name in PRODUCTION:
        for variable in re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / name).read_text()):
            assert f"`{variable}`" in page, variable
    for name in services:
        assert f"`{name}`" in page, name


def test_prometheus_scrapes_every_process(services: dict[str, dict[str, Any]]) -> None:
    jobs = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]
    names = next(job for job in jobs if job["job_name"] == "polyvox")["dns_sd_configs"][0]["names"]
    assert set(names) == set(ours(services)) - ONE_SHOT
