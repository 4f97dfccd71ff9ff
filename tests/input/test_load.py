"""Whatever a user points at is loaded, or refused with file, line, field and remedy."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from spo.input.load import BadInput, Loaded, load

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n"
ITEMS = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{i}"}} for i in range(3)]
LIST = {"apiVersion": "v1", "items": ITEMS, "kind": "List", "metadata": {"resourceVersion": ""}}


def written(directory: Path, name: str, text: str) -> str:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(*paths: str) -> str:
    with pytest.raises(BadInput) as caught:
        load(paths)
    return str(caught.value)


def names(loaded: list[Loaded]) -> list[str]:
    return [item.name for item in loaded]


def test_documents_are_loaded_in_order_with_their_lines(tmp_path: Path) -> None:
    file = written(tmp_path, "a.yaml", f"# two of them\n{POD}---\n---\n{POD.replace('web', 'db')}")
    loaded = load([file])
    assert names(loaded) == ["web", "db"]
    assert [str(item.source) for item in loaded] == [f"{file}:2", f"{file}:8"]


@pytest.mark.parametrize("indent", [None, 4])
def test_a_json_list_is_unfolded_and_each_item_knows_its_line(tmp_path: Path, indent: int | None) -> None:
    file = written(tmp_path, "pods.json", json.dumps(LIST, indent=indent))
    loaded = load([file])
    assert names(loaded) == ["web-0", "web-1", "web-2"]
    assert [item.source.item for item in loaded] == [1, 2, 3]
    text = Path(file).read_text().split("\n")
    if indent:
        for item in loaded:
            assert text[item.source.line - 1].strip() == "{"
            assert item.name in "".join(text[item.source.line : item.source.line + 5])


def test_identical_json_items_each_have_their_own_line(tmp_path: Path) -> None:
    file = written(tmp_path, "pods.json", json.dumps({**LIST, "items": [ITEMS[0]] * 2}, indent=1))
    first, second = load([file])
    assert first.source.line < second.source.line


def test_a_yaml_list_is_unfolded(tmp_path: Path) -> None:
    file = written(
        tmp_path, "l.yaml", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n"
    )
    (item,) = load([file])
    assert (item.name, item.source.line) == ("a", 4)


def test_items_of_a_typed_list_learn_their_kind_from_it(tmp_path: Path) -> None:
    answer = {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "a"}}]}
    (item,) = load([written(tmp_path, "pods.json", json.dumps(answer))])
    assert (item.kind, item.api_version) == ("Pod", "v1")


def test_an_object_whose_own_field_is_called_items_is_no_list(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nitems: [1]\n"
    assert names(load([written(tmp_path, "a.yaml", text)])) == ["a"]


def test_json_documents_one_after_the_other_are_all_loaded(tmp_path: Path) -> None:
    text = json.dumps(ITEMS[0]) + "\n---\n" + json.dumps(ITEMS[1], indent=1) + "\n" + json.dumps(ITEMS[2])
    loaded = load([written(tmp_path, "a.json", text)])
    assert names(loaded) == ["web-0", "web-1", "web-2"]
    assert [item.source.line for item in loaded][:2] == [1, 3]


def test_a_directory_is_read_in_the_order_of_names_and_nothing_else_in_it(tmp_path: Path) -> None:
    written(tmp_path, "b.yaml", POD.replace("web", "b"))
    written(tmp_path, "a.yml", POD.replace("web", "a"))
    written(tmp_path, "c.json", json.dumps(ITEMS[0]))
    written(tmp_path, "README.md", "# not a manifest")
    written(tmp_path, ".hidden.yaml", "{{{")
    assert names(load([str(tmp_path)])) == ["a", "b", "web-0"]


def test_stdin_is_read_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POD.encode())))
    (item,) = load(["-"])
    assert str(item.source) == "<stdin>:1"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + POD.encode())
    assert names(load([str(file)])) == ["web"]


def test_unicode_and_very_long_names_arrive_as_they_are(tmp_path: Path) -> None:
    for name in ("wéb-Ω-網", "x" * 300):
        (item,) = load([written(tmp_path, "a.yaml", POD.replace("web", name))])
        assert item.name == name


def test_negative_numbers_arrive_as_they_are(tmp_path: Path) -> None:
    (item,) = load([written(tmp_path, "a.yaml", POD + "spec: {replicas: -1}\n")])
    assert item.object["spec"]["replicas"] == -1


def test_only_what_a_server_wrote_counts_as_a_dump(tmp_path: Path) -> None:
    dumped = POD + '  uid: 1-2\n  creationTimestamp: "2026-11-23T15:44:45Z"\n'
    person, server = load([written(tmp_path, "a.yaml", POD + "---\n" + dumped)])
    assert (person.from_a_cluster, server.from_a_cluster) == (False, True)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "just some words\n", ["a.yaml:1", "where an object belongs", "apiVersion"]),
        ("a.yaml", "a: b: c\n", ["a.yaml:1", "mapping values are not allowed"]),
        ("a.yaml", "<html>\n<body>: x: y</body>", ["a.yaml:"]),
        (
            "a.yaml",
            "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    na",
            ["a.yaml:", "cut off"],
        ),
        ("a.yaml", "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: 'Po", ["a.yaml:4", "cut off"]),
        ("a.yaml", "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n", ["a.yaml:1: kind", "cut off"]),
        ("a.json", json.dumps(LIST, indent=1)[:200], ["a.json:", "not JSON", "cut off"]),
        ("a.json", '{"kind": "Po', ["a.json:1", "not JSON", "cut off"]),
        ("a.json", '{"kind": Pod}', ["a.json:1", "not JSON", "mend"]),
        ("a.json", "[1, 2]", ["a.json:1", "a list where an object belongs"]),
        ("a.yaml", "", ["a.yaml", "empty"]),
        ("a.yaml", "---\n---\n# nothing\n", ["a.yaml", "no object"]),
        ("a.yaml", POD.replace("kind: Pod\n", ""), ["a.yaml:1", "kind", "missing", "kind: Pod"]),
        ("a.yaml", POD.replace("apiVersion: v1\n", ""), ["a.yaml:1: Pod: apiVersion", "missing", "apiVersion: v1"]),
        ("a.yaml", POD.replace("  name: web", "  labels: {}"), ["a.yaml:1: Pod: metadata.name", "missing"]),
        ("a.yaml", "apiVersion: v1\nkind: Pod\n", ["a.yaml:1: Pod: metadata", "missing"]),
        ("a.yaml", POD.replace("web", "0777"), ["a.yaml:1: Pod: metadata.name", "must be text", 'name: "511"']),
        ("a.yaml", POD + "  labels:\n    yes: x\n", ["a.yaml:6", "metadata.labels", "a key must be text", "quotes"]),
        ("a.yaml", POD + "  name: db\n", ["a.yaml:5", "metadata.name", "twice"]),
    ],
)
def test_bad_input_is_refused_with_place_and_remedy(tmp_path: Path, name: str, text: str, words: list[str]) -> None:
    message = refusal(written(tmp_path, name, text))
    for word in [*words, "→"]:
        assert word in message


def test_a_missing_file_is_named() -> None:
    assert "nowhere.yaml: there is no such file" in refusal("nowhere.yaml")


def test_a_directory_without_manifests_is_named(tmp_path: Path) -> None:
    assert "has no .yaml, .yml, .json" in refusal(str(tmp_path))


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"kind: Pod\nname: \xff\xfe\n")
    assert f"{file}:2: this is not UTF-8 text" in refusal(str(file))


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    first = written(
        tmp_path, "a.yaml", "kind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {}\n"
    )
    second = written(tmp_path, "b.yaml", "{")
    message = refusal(first, second, str(tmp_path / "c.yaml"))
    assert message.count("→") == 4


def test_progress_is_told_for_large_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spo.input.load.SHOW_PROGRESS_FROM_LINES", 1)
    told: list[str] = []
    file = written(tmp_path, "a.yaml", "kind: List\nitems:\n" + "".join(f"- {json.dumps(item)}\n" for item in ITEMS))
    load([file], told.append)
    assert told[-1] == f"reading {file}: 83 %"


def test_a_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    assert "nested too deep" in refusal(written(tmp_path, "a.json", '{"a":' + "[" * 100_000))


def objects(loaded: list[Loaded]) -> list[Any]:
    return [item.object for item in loaded]


def test_yaml_and_json_of_the_same_dump_give_the_same_objects(tmp_path: Path) -> None:
    import yaml

    as_yaml = written(tmp_path, "a.yaml", yaml.safe_dump(LIST))
    as_json = written(tmp_path, "b.json", json.dumps(LIST))
    assert objects(load([as_yaml])) == objects(load([as_json])) == ITEMS
