"""compose.yaml and the Dockerfile hold what production needs, and no secret."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import program
from tools.compose import main as check_compose

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
WORKERS = ("inference", "faces", "pictures", "errands", "training", "background")
PORTAL_SERVICES = ("web", *WORKERS, "beat", "migrate", "certificates")
ENDS_AT_ONCE = ("migrate", "certificates")
AROUND = ("proxy", "flower", "mysql", "redis")
SECRETS = ("SECRET_KEY", "MYSQL_PASSWORD", "EMAIL_URL")
# May stay empty: without them there are no metrics, and Flower does not start.
KEYS_OF_WATCHERS = ("METRICS_TOKEN", "FLOWER_BASIC_AUTH")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as Compose reads it, its anchors resolved."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return content


def stage(name: str) -> str:
    """The instructions of one stage of the Dockerfile."""
    found = re.search(
        rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
    )
    assert found, name
    return found[1]


def test_it_follows_the_published_schema() -> None:
    assert check_compose() == 0


def test_every_service_is_there_and_is_watched(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {*PORTAL_SERVICES, *AROUND}
    assert services["mysql"]["image"] == "mysql:8.4"
    assert services["redis"]["image"] == "redis:7"
    for name, service in services.items():
        assert "healthcheck" in service or name in ENDS_AT_ONCE, name


def test_nothing_starts_before_the_schema_is_there(compose: dict[str, Any]) -> None:
    for name in ("web", *WORKERS, "beat"):
        needs = compose["services"][name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully", name
    needs = compose["services"]["migrate"]["depends_on"]
    assert needs == {"mysql": {"condition": "service_healthy"}}


def test_every_program_has_time_to_end(compose: dict[str, Any]) -> None:
    for name in ("web", *WORKERS, "beat"):
        assert compose["services"][name]["stop_grace_period"] == "30s", name


def test_no_secret_is_in_the_files(compose: dict[str, Any]) -> None:
    environment = compose["services"]["web"]["environment"]
    for name in SECRETS:
        if name in environment:
            assert re.fullmatch(r"\$\{\w+:\?.+\}", environment[name]), name
    assert "${MYSQL_PASSWORD:?" in environment["DATABASE_URL"]
    assert compose["services"]["mysql"]["environment"]["MYSQL_PASSWORD"].startswith("${")
    example = (ROOT / ".env.example").read_text()
    for name in (*SECRETS, *KEYS_OF_WATCHERS):
        assert re.search(rf"^{name}=$", example, re.MULTILINE), f"{name} must be there, and empty"


def test_what_people_hand_in_and_the_models_outlive_the_containers(compose: dict[str, Any]) -> None:
    for name in ("web", *WORKERS):
        volumes = [volume.split(":") for volume in compose["services"][name]["volumes"]]
        assert {mode for _, _, *mode in volumes for mode in mode} == {"ro"}
        mounts = {source: place for source, place, *mode in volumes if not mode}
        assert mounts == {
            "temporary": "/var/lib/veripix/temporary",
            "media": "/var/lib/veripix/media",
            "datasets": "/var/lib/veripix/datasets",
            "runs": "/var/lib/veripix/runs",
            "models": "/var/lib/veripix/models",
            "trust": "/var/lib/veripix/trust",
            "metrics": "/var/lib/veripix/metrics",
        }
    kept = {"datasets", "media", "models", "runs", "trust", "mysql", "redis", "proxy"}
    made_anew = {"temporary", "tls-ca", "tls-mysql", "tls-redis", "tls-web"}
    assert set(compose["volumes"]) == {*kept, *made_anew, "metrics"}
    for name in kept:
        assert compose["volumes"][name] is None, "kept on the disk"


def test_flower_is_for_those_who_ask_for_it_and_have_its_password(compose: dict[str, Any]) -> None:
    flower = compose["services"]["flower"]
    assert flower["profiles"] == ["monitoring"]
    (published,) = flower["ports"]
    assert published.startswith("127.0.0.1:")
    # Compose makes one dollar sign of two.
    *shell, script = flower["command"]
    script = script.replace("$$", "$").replace("exec celery", "exec echo")
    for password, status in (("", 2), ("name:secret", 0)):
        done = subprocess.run(
            [*shell, script],
            env={"PATH": os.environ["PATH"], "FLOWER_BASIC_AUTH": password},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stderr
        assert "secret" not in done.stdout + done.stderr, "what others may see of the command"


def test_only_the_workers_have_tensorflow(compose: dict[str, Any]) -> None:
    images = {name: compose["services"][name]["build"]["target"] for name in PORTAL_SERVICES}
    heavy = {name for name, target in images.items() if target == "worker"}
    assert heavy == set(WORKERS)
    assert "--from=build-web " in stage("web")
    assert "requirements-web.txt" in stage("build-web")
    assert "--from=build-worker " in stage("worker")
    assert "requirements.txt" in stage("build-worker")


@pytest.mark.parametrize("name", ["web", "worker"])
def test_images_run_as_an_ordinary_user(name: str) -> None:
    instructions = re.findall(r"^(USER|CMD|ENTRYPOINT) (.+)$", stage(name), re.MULTILINE)
    assert instructions[0] == ("USER", "veripix")


def test_what_is_copied_exists_and_passes_dockerignore() -> None:
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == allowed
    for source in copied:
        assert (ROOT / source).exists(), source


def test_no_container_has_rights_or_writes_to_itself(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        rights = service.get("cap_add", [])
        assert rights == (["NET_BIND_SERVICE"] if name == "proxy" else []), name
        assert "privileged" not in service, name
        assert "docker.sock" not in str(service), name


def test_servers_from_elsewhere_are_ordinary_users_too(compose: dict[str, Any]) -> None:
    assert compose["services"]["mysql"]["user"] == "mysql"
    assert compose["services"]["redis"]["user"] == "redis"
    for name in ("proxy", "flower"):
        assert re.search(r"^USER (veripix|10002)$", stage(name), re.MULTILINE), name


def test_everything_speaks_tls_and_nothing_else(compose: dict[str, Any]) -> None:
    services = compose["services"]
    environment = services["web"]["environment"]
    assert environment["DATABASE_URL"].endswith("?ssl_ca=/tls/ca.crt")
    assert environment["REDIS_URL"].startswith("rediss://")
    assert "ssl_cert_reqs=required" in environment["REDIS_URL"]
    assert environment["WEB_TLS"] == "/server-tls"
    assert "--require-secure-transport=ON" in services["mysql"]["command"]
    redis = services["redis"]["command"]
    assert redis[redis.index("--port") + 1] == "0", "no port without TLS"


def test_each_server_is_given_its_own_key_alone(compose: dict[str, Any]) -> None:
    holders = {
        key: {name for name, one in compose["services"].items() if f"{key}:" in str(one)}
        for key in ("tls-mysql", "tls-redis", "tls-web")
    }
    assert holders == {
        "tls-mysql": {"mysql", "certificates"},
        "tls-redis": {"redis", "certificates"},
        "tls-web": {"web", "certificates"},
    }


def test_only_the_proxy_can_be_reached_from_elsewhere(compose: dict[str, Any]) -> None:
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert set(published) == {"proxy", "flower"}
    assert all(port.startswith("127.0.0.1:") for port in published["flower"])


@pytest.mark.parametrize(
    "tls", ["", "tls internal", "tls /certificates/site.crt /certificates/site.key"]
)
def test_the_proxy_understands_its_configuration(tls: str) -> None:
    done = subprocess.run(
        [program("caddy"), "adapt", "--config", str(ROOT / "deploy" / "Caddyfile")],
        env={**os.environ, "PROXY_SITE": "a.example.org, b.example.org", "PROXY_TLS": tls},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (server,) = json.loads(done.stdout)["apps"]["http"]["servers"].values()
    assert server["routes"][0]["match"] == [{"host": ["a.example.org", "b.example.org"]}]
    assert "https" in done.stdout
