"""The Helm chart says what the plain manifests say, and lets be set only what it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from api_server import api_server, assets_or_skip

from spo.installation.chart import SECTIONS
from spo.installation.manifest_files import texts
from spo.render.chart_values import Image
from spo.render.install import IMAGE, PULL_POLICY, VERSION, manifests
from spo.render.uninstall_hook import uninstall_hook

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "chart"
HOME = "operators"
MADE_BY_HAND = {"README.md"}
KEPT = {"helm.sh/resource-policy": "keep"}  # Helm's, on the namespace; the one thing that a plain manifest has not

Object = dict[str, Any]


def values() -> Object:
    return dict(yaml.safe_load((CHART / "values.yaml").read_text()))


def schema() -> Object:
    return dict(json.loads((CHART / "values.schema.json").read_text()))


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    found = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(found) == len(objects)
    return found


def without_definitions(objects: list[Object]) -> list[Object]:
    return [each for each in objects if each["kind"] != "CustomResourceDefinition"]


def hook() -> list[Object]:
    """What runs before the release is uninstalled: no plain manifest, but where the manager may run."""
    made = uninstall_hook(HOME, IMAGE, PULL_POLICY)
    made[-1]["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
    return made


def expected(*, namespace: bool) -> dict[tuple[str, str], Object]:
    """What the chart must render into HOME, with or without the namespace: the plain manifests, and its hook."""
    plain = by_name([*without_definitions(manifests(HOME)), *hook()])
    if namespace:
        plain["Namespace", HOME]["metadata"]["annotations"] = KEPT
    else:
        del plain["Namespace", HOME]
    return plain


# -- without helm: the little of its language that the templates use, read from the files themselves ---------------

IF = re.compile(r"^\{\{- if \.Values\.([\w.]+) \}\}\n(.*)^\{\{- end \}\}\n\Z", re.MULTILINE | re.DOTALL)
WITH = re.compile(r"^\{\{- with \.Values\.([\w.]+) \}\}\n( *\w+: )\{\{ toJson \. \}\}\n\{\{- end \}\}\n", re.MULTILINE)
VALUE = re.compile(r"\{\{ toJson \.Values\.([\w.]+) \}\}")
BELOW = re.compile(r'\{\{ toJson \(printf "%s([\w/]+)" \.Values\.([\w.]+)\) \}\}')


def at(path: str, given: Object) -> Any:
    value: Any = given
    for name in path.split("."):
        value = value[name]
    return value


def image_of(given: Object) -> str:
    image = given["image"]
    if image["digest"]:
        return f"{image['repository']}@{image['digest']}"
    return f"{image['repository']}:{image['tag']}"


def rendered(given: Object) -> list[Object]:
    """The templates with these values put in. Fails at whatever is not one of the few forms."""
    found: list[Object] = []
    for file in sorted((CHART / "templates").rglob("*.yaml")):
        header, _, text = file.read_text().partition("\n")
        assert header.startswith("#")
        if switched := IF.match(text):
            text = switched[2] if at(switched[1], given) else ""
        text = re.sub(r"\A(\{\{- .*\}\}\n)+(?=apiVersion)", "", text)  # how the image is put together
        text = WITH.sub(lambda m: f"{m[2]}{json.dumps(at(m[1], given))}\n" if at(m[1], given) else "", text)
        text = VALUE.sub(lambda m: json.dumps(at(m[1], given)), text)
        text = BELOW.sub(lambda m: json.dumps(at(m[2], given) + m[1]), text)
        text = text.replace("{{ toJson .Release.Namespace }}", HOME).replace("{{ toJson $image }}", image_of(given))
        assert "{{" not in text, f"{file.name}: {text[text.index('{{') :][:60]}"
        found += [each for each in yaml.safe_load_all(text) if each]
    return found


def test_by_default_it_installs_what_the_plain_manifests_do_into_a_namespace_that_is_there() -> None:
    assert by_name(rendered(values())) == expected(namespace=False)


def test_it_can_bring_the_namespace_which_helm_then_keeps() -> None:
    given = values()
    given["namespace"]["create"] = True
    assert by_name(rendered(given)) == expected(namespace=True)


def test_its_definitions_are_those_of_the_plain_manifests() -> None:
    files = {path.name: path.read_text() for path in (CHART / "crds").iterdir()}
    assert files == {path.name: path.read_text() for path in (ROOT / "deploy" / "crds").iterdir()}


def test_base_profiles_can_be_left_out() -> None:
    assert "SeccompProfile" not in {each["kind"] for each in rendered({**values(), "baseProfiles": False})}


def test_the_hook_can_be_left_out() -> None:
    given = values()
    given["uninstallHook"]["enabled"] = False
    assert by_name(rendered(given)).keys() == expected(namespace=False).keys() - by_name(hook()).keys()


def test_what_the_hook_does_ends_before_helm_gives_up() -> None:
    (job,) = [each for each in hook() if each["kind"] == "Job"]
    assert job["spec"]["activeDeadlineSeconds"] < 300, "Helm's `--timeout`, by default"


def test_rights_are_there_before_the_hook_and_go_with_it() -> None:
    notes = [each["metadata"]["annotations"] for each in hook()]
    assert {each["helm.sh/hook"] for each in notes} == {"pre-delete"}
    assert {each["helm.sh/hook-delete-policy"] for each in notes} == {"before-hook-creation,hook-succeeded"}
    assert [int(each["helm.sh/hook-weight"]) for each in notes] == [-1] * (len(notes) - 1) + [0]


def test_pull_secrets_reach_all_pods_by_their_accounts() -> None:
    secrets = [{"name": "registry"}]
    objects = by_name(rendered({**values(), "imagePullSecrets": secrets}))
    for account in ("security-profiles-operator", "spod", "security-profiles-operator-uninstall"):
        assert objects["ServiceAccount", account]["imagePullSecrets"] == secrets


def test_what_it_tells_the_manager_is_what_the_daemons_get() -> None:
    given = {**values(), "kubeletDir": "/data/kubelet"}
    given["image"] = {**given["image"], "pullPolicy": "Never", "digest": "sha256:" + "0" * 64}
    manager = by_name(rendered(given))["Deployment", "security-profiles-operator"]
    pod = manager["spec"]["template"]["spec"]
    (container,), (layer,), (volume,) = pod["containers"], pod["initContainers"], pod["volumes"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert (layer["image"], layer["imagePullPolicy"]) == (container["image"], container["imagePullPolicy"])
    assert layer["env"] == [{"name": "KUBELET_DIR", "value": told["KUBELET_DIR"]}]
    assert layer["volumeMounts"][0]["mountPath"] == volume["hostPath"]["path"] == "/data/kubelet/seccomp/operator"
    assert container["image"] == told["OPERATOR_IMAGE"] == "security-profiles-operator@sha256:" + "0" * 64
    assert container["imagePullPolicy"] == told["OPERATOR_IMAGE_PULL_POLICY"] == "Never"
    assert told["KUBELET_DIR"] == "/data/kubelet"


def test_every_setting_stands_somewhere_in_a_template() -> None:
    written = "".join(path.read_text() for path in (CHART / "templates").rglob("*.yaml"))
    sections = {name: value for name, value in values().items() if name in SECTIONS}
    settings = [name for name in values() if name not in sections]
    settings += [f"{section}.{name}" for section, part in sections.items() for name in part]
    assert [name for name in settings if not re.search(rf"\.Values\.{re.escape(name)}\b", written)] == []


def test_every_file_is_made_or_known_to_be_written_by_hand() -> None:
    made = {name.removeprefix("chart/") for name in texts() if name.startswith("chart/")}
    there = {path.relative_to(CHART).as_posix() for path in CHART.rglob("*") if path.is_file()}
    assert there - made == MADE_BY_HAND


def test_another_image_becomes_the_default() -> None:
    made = yaml.safe_load(texts(image="registry.example:5000/spo:2")["chart/values.yaml"])
    assert (made["image"]["repository"], made["image"]["tag"]) == ("registry.example:5000/spo", "2")


@pytest.mark.parametrize(
    ("reference", "repository", "tag", "digest"),
    [
        ("spo:1", "spo", "1", ""),
        ("spo", "spo", "", ""),
        ("registry.example:5000/a/spo", "registry.example:5000/a/spo", "", ""),
        ("registry.example:5000/a/spo:1", "registry.example:5000/a/spo", "1", ""),
        ("spo@sha256:abc", "spo", "", "sha256:abc"),
        ("spo:1@sha256:abc", "spo", "1", "sha256:abc"),
    ],
)
def test_an_image_reference_is_taken_apart(reference: str, repository: str, tag: str, digest: str) -> None:
    assert Image.named(reference) == Image(repository=repository, tag=tag, digest=digest)


def test_one_version_stands_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert project["version"] == chart["version"] == chart["appVersion"] == VERSION
    assert IMAGE.endswith(f":{VERSION}")


# -- the schema ----------------------------------------------------------------------------------------------------


def objects_in(part: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Every object of a schema that names its fields."""
    if "properties" in part:
        yield path, part
    for name, field in part.get("properties", {}).items():
        yield from objects_in(field, f"{path}.{name}")
    if "items" in part:
        yield from objects_in(part["items"], f"{path}[]")


def test_no_object_takes_a_field_that_it_does_not_name() -> None:
    open_ = [path for path, part in objects_in(schema()) if part.get("additionalProperties") is not False]
    assert open_ == []


def test_every_setting_is_described_and_has_a_default() -> None:
    for path, given in (("", values()), *((f".{name}", values()[name]) for name in SECTIONS)):
        part = dict(objects_in(schema()))[path]
        assert all(field.get("description") for field in part["properties"].values()), path
        assert set(given) == set(part["properties"]) - {"global"}, path


# -- with helm -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def helm() -> Path:
    """Helm, if it was built (`make helm`): no test waits minutes for a compiler."""
    cache = Path(os.environ.get("SPO_HELM_CACHE", Path.home() / ".cache" / "spo-helm"))
    version = re.search(r"helm\.sh/helm/v4 (v\S+)", (ROOT / "hack" / "helm" / "go.mod").read_text())
    assert version
    program = cache / version[1] / "helm"
    if not program.exists():
        pytest.skip("helm is not built: `make helm` builds it, with Go")
    return program


def run(helm: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)


def template(helm: Path, *settings: str) -> list[Object]:
    done = run(helm, "template", "spo", str(CHART), "--namespace", HOME, *settings)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_helm_finds_no_fault(helm: Path) -> None:
    done = run(helm, "lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("namespace", [False, True])
def test_helm_renders_the_plain_manifests_object_by_object(helm: Path, namespace: bool) -> None:
    found = by_name(template(helm, "--set", f"namespace.create={str(namespace).lower()}"))
    wanted = expected(namespace=namespace)
    assert found.keys() == wanted.keys()
    for name, manifest in wanted.items():
        assert found[name] == manifest, name


def test_helm_brings_the_definitions(helm: Path) -> None:
    found = [each for each in template(helm, "--include-crds") if each["kind"] == "CustomResourceDefinition"]
    assert by_name(found) == by_name([each for each in manifests() if each["kind"] == "CustomResourceDefinition"])


@pytest.mark.parametrize("digest", ["", "sha256:" + "0" * 64])
def test_helm_renders_as_the_little_reader_above_does(helm: Path, tmp_path: Path, digest: str) -> None:
    """With every setting set to something else."""
    given: Object = {
        "image": {"repository": "example.org/spo", "tag": "2", "digest": digest, "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "kubeletDir": "/data/kubelet",
        "baseProfiles": False,
        "manager": {
            "replicas": 3,
            "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "1", "memory": "64Mi"}},
            "nodeSelector": {"kubernetes.io/os": "linux", "tier": "<control & plane>"},
            "tolerations": [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3000000}],
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "h"}]}},
            "selinuxTypeTag": "unconfined_t",
        },
        "uninstallHook": {"enabled": True, "activeDeadlineSeconds": 3000},
        "namespace": {"create": True, "labels": {**values()["namespace"]["labels"], "team": "yes"}},
    }
    file = tmp_path / "values.json"
    file.write_text(json.dumps(given))
    assert by_name(template(helm, "--values", str(file))) == by_name(rendered(given))


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("imge.tag=2", "imge"),
        ("manager.replica=2", "replica"),
        ("manager.replicas=-1", "manager/replicas"),
        ("manager.replicas=two", "manager/replicas"),
        ("image.repository=", "image/repository"),
        ("image.digest=abc", "image/digest"),
        ("image.pullPolicy=Sometimes", "image/pullPolicy"),
        ("kubeletDir=var/lib/kubelet", "kubeletDir"),
        ("baseProfiles=maybe", "baseProfiles"),
        ("uninstallHook.activeDeadlineSeconds=0", "uninstallHook/activeDeadlineSeconds"),
        ("imagePullSecrets[0]=registry", "imagePullSecrets/0"),
        ("manager.tolerations[0].effects=NoExecute", "effects"),
        ("manager.affinity.podAfinity=x", "podAfinity"),
        ("manager.resources.limits.memory=much", "manager/resources/limits/memory"),
    ],
)
def test_helm_refuses_a_wrong_setting_by_name(helm: Path, setting: str, complaint: str) -> None:
    done = run(helm, "template", "spo", str(CHART), "--set", setting)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_the_chart_can_be_part_of_another(helm: Path) -> None:
    assert template(helm, "--set", "global.shared=1")


# -- with a real API server ----------------------------------------------------------------------------------------

DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")


class Server(NamedTuple):
    """An API server that has our definitions and the namespace HOME: a dry run needs both."""

    kubeconfig: Path

    def kubectl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return self.call(assets_or_skip() / "kubectl", *arguments, given=given)

    def call(self, program: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a client, which must succeed without a warning of the server."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run([program, *arguments], input=given, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        return done


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with api_server() as kubeconfig:
        server = Server(kubeconfig)
        server.kubectl("create", "namespace", HOME)
        server.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy" / "crds"))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield server


def test_a_real_api_server_takes_the_plain_manifests(server: Server) -> None:
    wanted = manifests(HOME)
    done = server.kubectl(*DRY_RUN, given=yaml.safe_dump_all(wanted))
    assert done.stdout.count("(server dry run)") == len(wanted)


def test_a_real_api_server_takes_the_chart(helm: Path, server: Server) -> None:
    wanted = template(helm, "--include-crds", "--set", "namespace.create=true,imagePullSecrets[0].name=registry")
    done = server.kubectl(*DRY_RUN, given=yaml.safe_dump_all(wanted))
    assert done.stdout.count("(server dry run)") == len(wanted) == len(manifests(HOME)) + len(hook())


@pytest.mark.parametrize(
    ("namespace", "options"),
    [
        ("made-by-helm", ["--create-namespace"]),
        ("of-the-chart", ["--create-namespace", "--set", "namespace.create=true"]),
        (HOME, ["--take-ownership", "--set", "namespace.create=true"]),
    ],
)
def test_helm_installs_changes_and_removes_it_but_keeps_the_namespace(
    helm: Path, server: Server, namespace: str, options: list[str]
) -> None:
    release = ("spo", "--namespace", namespace)
    server.call(helm, "install", *release, str(CHART), *options)
    server.call(helm, "upgrade", *release, str(CHART), "--reuse-values", "--set", "manager.replicas=3")
    deployment = server.kubectl("get", "deployments", "-n", namespace, "-o", "jsonpath={.items[*].spec.replicas}")
    assert deployment.stdout == "3"

    server.call(helm, "uninstall", *release, "--no-hooks")  # no controller is here that would run it

    kinds = "deployments,seccompprofiles,serviceaccounts,roles,clusterroles,clusterrolebindings"
    left = server.kubectl("get", kinds, "-n", namespace, "-l", "app=security-profiles-operator", "-o", "name")
    assert left.stdout == ""
    assert server.kubectl("get", "namespace", namespace, "-o", "name").stdout == f"namespace/{namespace}\n"
