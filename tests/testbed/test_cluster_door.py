import json

from spo.events import Key, Seen
from spo.model.builtin import KeepMeta, NodeKeep, SpodPod
from spo.testbed.cluster_door import Hearing


def test_one_line_is_heard_in_as_many_ways_as_there_are_interests_in_it() -> None:
    hearing = Hearing()
    line = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "7"}}}).encode()

    for keep in (NodeKeep, SpodPod, NodeKeep):
        assert hearing(line, "Pod", keep).event == Seen(Key("Pod", "", "a"), keep(KeepMeta("a", resource_version="7")))
    assert hearing(line, "Pod", NodeKeep) is hearing(line, "Pod", NodeKeep)
