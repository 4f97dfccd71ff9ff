"""The operator's own pods run under a profile of ours: it is on a node before they are, and it comes back (J2, J5)."""

from __future__ import annotations

import json

import pytest

from scenarios.driver import Driver
from scenarios.manifests import Manifest, profile
from scenarios.world import Hope, World

NOT_OURS = {"mount", "ptrace", "bpf", "setns", "unshare", "init_module", "chown", "mknod", "mknodat", "symlink"}


def own_pods(driver: Driver, name: str = "") -> list[Manifest]:
    """Manager and daemons that are not on their way out; of `name` only, if it is given."""
    pods = [
        each for each in driver.list("Pod", driver.operator_namespace) if "deletionTimestamp" not in each["metadata"]
    ]
    return [each for each in pods if name in ("", each["metadata"]["labels"]["name"])]


def under(container: Manifest) -> str:
    """The file, below the operator's directory, without which the container does not start."""
    wanted = container["securityContext"]["seccompProfile"]
    assert wanted["type"] == "Localhost"
    return str(wanted["localhostProfile"]).removeprefix("operator/")


def own_file(driver: Driver) -> str:
    """The file of the profile that the daemons run under."""
    return under(own_pods(driver, "spod")[0]["spec"]["containers"][0])


def own_file_is(driver: Driver, file: str, data: bytes) -> Hope:
    """It has these bytes on every node."""

    def why_not() -> str:
        wrong = [node for node in driver.nodes() if driver.files(node).get(file) != data]
        return f"not on {wrong}" if wrong else ""

    return Hope(f"{file} is as it was on every node", why_not)


def test_j5_the_operators_own_pods_run_under_a_profile_that_is_on_their_node(world: World, driver: Driver) -> None:
    pods = own_pods(driver)
    assert len(pods) == 2 + len(driver.nodes())

    for pod in pods:
        (layer,), (container,) = pod["spec"]["initContainers"], pod["spec"]["containers"]
        file = json.loads(driver.files(pod["spec"]["nodeName"])[under(container)])
        allowed = {name for rule in file["syscalls"] for name in rule["names"]}
        assert file["defaultAction"] == "SCMP_ACT_ERRNO"
        assert not allowed & NOT_OURS
        assert layer["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"


def test_j5_the_managers_own_container_sees_nothing_of_the_node(world: World, driver: Driver) -> None:
    for pod in own_pods(driver, "security-profiles-operator"):
        (container,) = pod["spec"]["containers"]
        of_the_node = {volume["name"] for volume in pod["spec"]["volumes"] if "hostPath" in volume}
        assert not of_the_node & {mount["name"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("bytes_there", [b"{}", None], ids=["changed", "deleted"])
def test_j2_the_operators_own_profile_is_restored_within_ten_seconds(
    world: World, driver: Driver, bytes_there: bytes | None
) -> None:
    file, node = own_file(driver), driver.nodes()[0]
    good = driver.files(node)[file]

    driver.write_file(node, file, bytes_there)

    world.until(own_file_is(driver, file, good), max_s=10)


def test_j5_managers_that_die_while_their_own_profile_is_missing_come_back(world: World, driver: Driver) -> None:
    file = own_file(driver)
    for node in driver.nodes():
        driver.write_file(node, file, None)

    driver.kill("manager")
    world.apply(profile("sleeper"))

    world.until(world.installed("sleeper"), max_s=300)


@pytest.mark.parametrize("bytes_there", [b"{", None], ids=["broken", "deleted"])
def test_j5_daemons_without_their_own_profile_are_named_and_new_pods_bring_it(
    world: World, driver: Driver, bytes_there: bytes | None
) -> None:
    file = own_file(driver)
    good = driver.files(driver.nodes()[0])[file]
    for node in driver.nodes():
        driver.write_file(node, file, bytes_there)
    driver.kill("daemon")
    world.until(world.spod_says("ERROR", "CreateContainerError"))

    for pod in own_pods(driver, "spod"):
        driver.delete("Pod", driver.operator_namespace, pod["metadata"]["name"])

    world.until(world.spod_runs(), max_s=300)
    world.until(own_file_is(driver, file, good), max_s=10)
