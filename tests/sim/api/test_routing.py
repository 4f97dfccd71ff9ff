from __future__ import annotations

import pytest

from spo.sim.api.routing import Route, route, truth

SPO = "security-profiles-operator.x-k8s.io"


@pytest.mark.parametrize(
    ("method", "path", "query", "wanted"),
    [
        ("GET", "/api/v1/pods", {}, ("list", "", "v1", "", "pods", "", "")),
        ("GET", "/api/v1/pods", {"watch": "1"}, ("watch", "", "v1", "", "pods", "", "")),
        ("GET", "/api/v1/pods", {"watch": "false"}, ("list", "", "v1", "", "pods", "", "")),
        ("GET", "/api/v1/namespaces/n/pods/p", {"watch": "1"}, ("get", "", "v1", "n", "pods", "p", "")),
        ("POST", "/api/v1/namespaces/n/pods/p/binding", {}, ("create", "", "v1", "n", "pods", "p", "binding")),
        ("GET", "/api/v1/namespaces", {}, ("list", "", "v1", "", "namespaces", "", "")),
        ("DELETE", "/api/v1/namespaces/n", {}, ("delete", "", "v1", "n", "namespaces", "n", "")),
        ("PUT", "/api/v1/namespaces/n/finalize", {}, ("update", "", "v1", "n", "namespaces", "n", "finalize")),
        ("DELETE", "/api/v1/namespaces/n/pods", {}, ("deletecollection", "", "v1", "n", "pods", "", "")),
        ("PATCH", f"/apis/{SPO}/v1/namespaces/n/a/b/status", {}, ("patch", SPO, "v1", "n", "a", "b", "status")),
        ("GET", "/apis/apps/v1/daemonsets/", {}, ("list", "apps", "v1", "", "daemonsets", "", "")),
        ("BREW", "/apis/apps/v1/daemonsets", {}, ("", "apps", "v1", "", "daemonsets", "", "")),
    ],
)
def test_a_path_names_verb_and_object(method: str, path: str, query: dict[str, str], wanted: tuple[str, ...]) -> None:
    assert route(method, path, query) == Route(path, *wanted)


@pytest.mark.parametrize(
    "path",
    ["/", "/version", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "//api/v1/pods", "/api/v1//pods"],
)
def test_a_path_without_a_resource_has_only_itself(path: str) -> None:
    assert route("GET", path, {}) == Route(path, "get")


@pytest.mark.parametrize(
    ("text", "value"), [(None, False), ("false", False), ("0", False), ("", True), ("maybe", True)]
)
def test_whatever_is_not_false_is_true(text: str | None, value: bool) -> None:
    assert truth(text) is value


def test_a_watch_as_it_was_asked_for_long_ago_is_one_still() -> None:
    new = route("GET", "/apis/apps/v1/namespaces/x/deployments", {"watch": "true"})
    old = route("GET", "/apis/apps/v1/watch/namespaces/x/deployments", {})

    assert (
        (old.verb, old.namespace, old.plural) == (new.verb, new.namespace, new.plural) == ("watch", "x", "deployments")
    )


@pytest.mark.parametrize("path", ["/api/v1/watch", "/api/v1/watch/namespaces/x/pods/p"])
def test_nothing_else_below_watch_is_a_watch(path: str) -> None:
    assert route("GET", path, {}).verb != "watch"
