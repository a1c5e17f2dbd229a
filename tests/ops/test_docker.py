"""The compose file runs the very processes that `manage.py up` runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.up import table

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = PROJECT / "docker/compose.yaml"


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def in_container(command: table.Command) -> list[str]:
    return ["python", *command.argv]


def test_every_process_of_the_table_has_a_service(services):
    for command in table.workers():
        assert services[command.name]["command"] == in_container(command)
        assert services[command.name]["environment"]["ZENITH_ROLE"] == "worker"
    assert services["web"]["command"] == in_container(table.web(8000, "0.0.0.0"))
    assert services["web"]["environment"]["ZENITH_ROLE"] == "web"
    assert services["beat"]["command"] == ["python", "manage.py", "beat"]
    simulator = in_container(table.simulator(Path("/data"), 7800, 7801, host="0.0.0.0"))
    assert services["simulator"]["command"] == simulator


def test_nothing_starts_before_the_database_is_up_to_date(services):
    for name, service in services.items():
        if name not in ("postgres", "valkey", "prepare"):
            assert service["depends_on"]["prepare"]["condition"] == "service_completed_successfully"


def test_every_variable_is_in_the_example(services):
    wanted = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    offered = set(re.findall(r"^(\w+)=", (PROJECT / "docker/example.env").read_text(), re.M))
    assert wanted == offered


def test_the_image_copies_what_exists():
    dockerfile = (PROJECT / "docker/Dockerfile").read_text()
    for source in re.findall(r"^COPY --chown=\w+ (\S+)", dockerfile, re.M):
        assert (PROJECT / source).exists()
    assert "RUN python requirements/install.py run" in dockerfile


def test_docker_itself_agrees():
    # Where there is no Docker with compose, the tests above stand for it.
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"]).returncode:
        return
    checked = subprocess.run(
        [docker, "compose", "-f", COMPOSE, "--env-file", "/dev/stdin", "config", "--quiet"],
        input="POSTGRES_PASSWORD=p\nVALKEY_PASSWORD=v\nZENITH_SECRET_KEY=k\n",
        text=True,
        capture_output=True,
    )
    assert checked.returncode == 0, checked.stderr
