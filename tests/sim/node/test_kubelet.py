"""The kubelet: pods come up under their profiles, are kept up, and go down."""

from __future__ import annotations

import json

import pytest
from manifests import pod, under
from pod_views import create, main, ready, status

from spo.model.resource import EVENTS, PODS
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import Fault, Site
from spo.sim.faults.fates import DiskFault
from spo.sim.node.runtime import SECCOMP_ROOT
from spo.sim.node.workload import Exit, Wait, Workload

PROFILE = "operator/default/a.json"
PATH = f"{SECCOMP_ROOT}/{PROFILE}"
LOG_ALL = b'{"defaultAction": "SCMP_ACT_LOG"}'
EXIT_3 = {"command": ["sh", "-c", "sleep 1; exit 3"]}


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    return cluster


def reasons(cluster: SimulatedCluster) -> list[str]:
    return [event["reason"] for event in cluster.client().list(EVENTS, "default")]


def test_a_pod_comes_up(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))

    found = status(cluster)
    assert found["phase"] == "Running"
    assert [(each["type"], each["status"]) for each in found["conditions"]] == [
        ("PodReadyToStartContainers", "True"),
        ("Initialized", "True"),
        ("Ready", "True"),
        ("ContainersReady", "True"),
        ("PodScheduled", "True"),
    ]
    assert (found["hostIP"], found["podIP"]) == (cluster.nodes["node-1"].ip, "10.128.0.3")
    assert main(cluster)["state"].keys() == {"running"}
    assert set(reasons(cluster)) == {"Scheduled", "Pulled", "Created", "Started"}


def test_a_missing_profile_keeps_the_container_from_being_created(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", securityContext=under(PROFILE)))

    waiting = main(cluster)["state"]["waiting"]
    assert status(cluster)["phase"] == "Pending"
    assert waiting["reason"] == "CreateContainerError"
    assert waiting["message"].endswith(f"open {PATH}: no such file or directory")
    assert reasons(cluster).count("Failed") == 1


def test_the_pod_starts_when_the_file_comes_on_the_kubelets_next_beat(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", securityContext=under(PROFILE)))
    cluster.run(100)
    cluster.nodes["node-1"].disk.write(PATH, LOG_ALL)

    assert cluster.run_until(lambda: status(cluster)["phase"] == "Running", max_s=10)
    assert main(cluster)["restartCount"] == 0


def test_waiting_for_a_file_costs_nothing(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", securityContext=under(PROFILE)))
    revision = cluster.store.revision
    cluster.run(3600)

    assert cluster.store.revision == revision
    assert cluster.timeline.next_ns() is None


def test_a_pod_that_was_deleted_while_it_waited_is_not_started(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", securityContext=under(PROFILE)))
    cluster.client().delete(PODS, "default", "p")
    cluster.rest()
    cluster.nodes["node-1"].disk.write(PATH, LOG_ALL)

    assert cluster.rest()
    assert cluster.client().list(PODS) == []


def test_a_disk_that_fails_to_read_is_asked_again(cluster: SimulatedCluster) -> None:
    disk = cluster.nodes["node-1"].disk
    disk.write(PATH, LOG_ALL)
    cluster.faults.add(Fault(Site.DISK, DiskFault("EIO"), who="node-1", what="read", times=2))
    create(cluster, pod("p", securityContext=under(PROFILE)), rest=False)

    assert cluster.run_until(lambda: status(cluster)["phase"] == "Running", max_s=30)


def test_a_file_that_is_no_profile_is_waited_for_like_one_that_is_missing(cluster: SimulatedCluster) -> None:
    cluster.nodes["node-1"].disk.write(PATH, b"not json")
    create(cluster, pod("p", securityContext=under(PROFILE)))
    assert main(cluster)["state"]["waiting"]["message"].startswith(
        "failed to create containerd container: decoding seccomp profile failed"
    )
    cluster.nodes["node-1"].disk.write(PATH, LOG_ALL)

    assert cluster.rest()
    assert status(cluster)["phase"] == "Running"


def test_what_the_profile_logs_stands_in_the_audit_log(cluster: SimulatedCluster) -> None:
    cluster.nodes["node-1"].disk.write(PATH, LOG_ALL)
    create(cluster, pod("p", securityContext=under(PROFILE), container={"command": ["nginx"]}))

    lines = list(cluster.nodes["node-1"].audit.lines)
    assert any('comm="runc:[2:INIT]"' in line and "syscall=59 " in line for line in lines)
    assert any('comm="nginx" exe="/bin/nginx"' in line and "syscall=257 " in line for line in lines)


def test_what_it_says_is_in_the_pods_log(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", container={"command": ["sh", "-c", "echo hello; sleep infinity"]}))

    assert cluster.client().send("GET", f"{PODS.path('default', 'p')}/log").body == b"hello\n"


def test_a_profile_without_the_runtimes_own_syscalls_does_not_start(cluster: SimulatedCluster) -> None:
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
    cluster.nodes["node-1"].disk.write(PATH, json.dumps(profile).encode())
    create(cluster, pod("p", securityContext=under(PROFILE)))

    assert main(cluster)["state"]["waiting"]["reason"] == "RunContainerError"
    assert main(cluster)["lastState"]["terminated"]["reason"] == "StartError"
    assert main(cluster)["lastState"]["terminated"]["exitCode"] == 128


def test_a_workload_that_is_refused_what_it_needs_fails(cluster: SimulatedCluster) -> None:
    cluster.nodes["node-1"].disk.write(
        PATH, b'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
    )
    workload = '{"steps": [{"type": "call", "name": "mkdir"}, {"type": "exit", "code": 0}]}'
    annotations = {"simulation.spo.x-k8s.io/workload": workload}
    create(cluster, pod("p", annotations=annotations, restartPolicy="Never", securityContext=under(PROFILE)))

    assert main(cluster)["state"]["terminated"]["exitCode"] == 1
    assert status(cluster)["phase"] == "Failed"
    # The machine knows over what, though no API tells; until the pod is gone.
    assert [*cluster.nodes["node-1"].refused.values()] == [{"main": "mkdir"}]
    cluster.client().delete(PODS, "default", "p")
    cluster.rest()
    assert cluster.nodes["node-1"].refused == {}


def test_a_refusal_is_forgotten_when_the_container_starts_anew(cluster: SimulatedCluster) -> None:
    refuses = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    cluster.nodes["node-1"].disk.write(PATH, json.dumps(refuses).encode())
    create(cluster, pod("p", container={"command": ["mkdir", "/a"]}, securityContext=under(PROFILE)))
    assert [*cluster.nodes["node-1"].refused.values()] == [{"main": "mkdir"}]

    cluster.nodes["node-1"].disk.write(PATH, b'{"defaultAction": "SCMP_ACT_ALLOW"}')
    cluster.run(600)
    assert [*cluster.nodes["node-1"].refused.values()] == [{}]


@pytest.mark.parametrize(
    ("policy", "command", "phase"),
    [
        ("Never", ["sh", "-c", "exit 3"], "Failed"),
        ("Never", ["true"], "Succeeded"),
        ("OnFailure", ["true"], "Succeeded"),
    ],
)
def test_a_pod_that_need_not_go_on_ends(cluster: SimulatedCluster, policy: str, command: list[str], phase: str) -> None:
    create(cluster, pod("p", restartPolicy=policy, container={"command": command}))

    assert (status(cluster)["phase"], ready(cluster)) == (phase, "False")


def test_a_crashing_container_is_restarted_ever_later(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", container=EXIT_3), rest=False)
    restarts = [(cluster.run(60), main(cluster)["restartCount"])[1] for _ in range(5)]

    assert restarts == [3, 4, 5, 5, 5]
    assert main(cluster)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert main(cluster)["lastState"]["terminated"]["exitCode"] == 3
    assert "BackOff" in reasons(cluster)


def test_a_crash_loop_does_not_keep_the_world_from_rest(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", container=EXIT_3))

    assert status(cluster)["phase"] == "Running"


def test_images_can_be_given_a_workload(cluster: SimulatedCluster) -> None:
    cluster.images["images.test/app:1"] = Workload((Wait(2.0), Exit(7)))
    create(cluster, pod("p", restartPolicy="Never"))

    assert main(cluster)["state"]["terminated"]["exitCode"] == 7


def test_init_containers_run_one_after_the_other_before_all_others(cluster: SimulatedCluster) -> None:
    inits = [{"name": f"i{n}", "image": "i", "command": ["sh", "-c", "sleep 5"]} for n in range(2)]
    create(cluster, pod("p", initContainers=inits), rest=False)
    cluster.run(4)
    early = status(cluster)
    cluster.rest()

    assert [list(each["state"]) for each in early["initContainerStatuses"]] == [["running"], ["waiting"]]
    assert early["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
    assert status(cluster)["phase"] == "Running"


def test_an_init_container_that_fails_ends_a_pod_that_is_never_restarted(cluster: SimulatedCluster) -> None:
    init = {"name": "i", "image": "i", "command": ["false"]}
    create(cluster, pod("p", restartPolicy="Never", initContainers=[init]))

    assert status(cluster)["phase"] == "Failed"
    assert main(cluster)["state"].keys() == {"waiting"}


def test_a_sidecar_stays_while_the_others_start(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", initContainers=[{"name": "s", "image": "s", "restartPolicy": "Always"}]))

    assert status(cluster)["initContainerStatuses"][0]["state"].keys() == {"running"}
    assert ready(cluster) == "True"


def test_a_deleted_pod_goes_when_its_processes_have_gone(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", terminationGracePeriodSeconds=20, container={"command": ["sleep", "1000"]}))
    cluster.client().delete(PODS, "default", "p")
    cluster.run(15)
    meanwhile = status(cluster)
    cluster.run(7)

    assert meanwhile["phase"] == "Running"
    assert cluster.client().list(PODS) == []
    assert "Killing" in reasons(cluster)


def test_a_pod_that_listens_goes_at_once(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    cluster.client().delete(PODS, "default", "p")
    cluster.run(2)

    assert cluster.client().list(PODS) == []


def test_a_pod_made_anew_with_the_same_name_is_another_pod(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    client = cluster.client()
    first = client.get(PODS, "default", "p")["metadata"]["uid"]
    client.delete(PODS, "default", "p", grace_s=0)
    create(cluster, pod("p"))

    assert client.get(PODS, "default", "p")["metadata"]["uid"] != first
    assert status(cluster)["phase"] == "Running"


def test_pods_beyond_the_capacity_are_rejected() -> None:
    cluster = SimulatedCluster(nodes=1, capacity_pods=1)
    cluster.rest()
    create(cluster, pod("a", nodeName="node-1"))
    create(cluster, pod("b", nodeName="node-1"))

    assert (status(cluster, "b")["phase"], status(cluster, "b")["reason"]) == ("Failed", "OutOfpods")


def test_a_reboot_brings_the_pods_up_anew(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    cluster.stop_node("node-1")
    cluster.run(10)
    cluster.start_node("node-1")
    assert cluster.rest()

    assert (main(cluster)["restartCount"], ready(cluster)) == (1, "True")
    assert main(cluster)["lastState"]["terminated"]["exitCode"] == 255


def test_a_new_machine_of_an_old_name_starts_the_old_ones_pods(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    cluster.nodes["node-1"].disk.write(PATH, LOG_ALL)
    cluster.remove_node("node-1")
    cluster.add_node("node-1")
    assert cluster.rest()

    assert not cluster.nodes["node-1"].disk.exists(PATH)
    assert (main(cluster)["restartCount"], ready(cluster)) == (1, "True")


def test_starting_a_machine_that_is_up_changes_nothing(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    revision = cluster.store.revision
    cluster.start_node("node-1")
    assert cluster.rest()

    assert cluster.store.revision == revision


def test_a_crash_from_outside_is_an_exit_like_any_other(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    cluster.kubelets["node-1"].crash("default", "p", "main", reason="OOMKilled")
    assert cluster.rest()

    assert main(cluster)["restartCount"] == 1
    assert main(cluster)["lastState"]["terminated"]["reason"] == "OOMKilled"


def test_a_steady_pod_costs_the_kubelet_nothing(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))

    assert cluster.kubelets["node-1"].workers.runs == {}


def test_a_status_for_a_pod_that_is_gone_is_let_go(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"), rest=False)
    cluster.run(0.1)
    cluster.client().delete(PODS, "default", "p", grace_s=0)
    assert cluster.rest()

    with pytest.raises(ApiError):
        status(cluster)
