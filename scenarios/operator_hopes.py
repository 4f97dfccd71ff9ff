"""What a user can hope for of the operator itself: of spod, and of the daemons it asks for."""

from __future__ import annotations

import json
from collections.abc import Callable

from scenarios.hopes import Hope
from scenarios.manifests import Manifest
from scenarios.queries import Queries


class OperatorHopes(Queries):
    """Of spod and its daemon set, in the operator's namespace."""

    def spod_runs(self, other_than: str = "") -> Hope:
        """There is a spod (not the one with this uid), and its daemons are on every node."""

        def why_not() -> str:
            found = self.driver.get("SecurityProfilesOperatorDaemon", self.operator_namespace, "spod")
            if found is None or found["metadata"]["uid"] == other_than:
                return "there is none"
            status = found.get("status", {})
            return "" if status.get("state") == "RUNNING" else json.dumps(status)

        return Hope("spod is RUNNING", why_not)

    def spod_is_heard(self) -> Hope:
        """What spod says of itself is about its present form."""

        def why_not() -> str:
            spod = self.spod()
            said = [each.get("observedGeneration") for each in spod.get("status", {}).get("conditions", ())]
            return "" if said and set(said) == {spod["metadata"]["generation"]} else json.dumps(spod.get("status"))

        return Hope("the operator has seen spod", why_not)

    def spod_says(self, state: str, word: str) -> Hope:
        """spod is in this state, and its condition Ready names the word."""

        def why_not() -> str:
            spod = self.spod()
            ready = self.condition(spod, "Ready")
            good = spod.get("status", {}).get("state") == state and word in ready.get("message", "")
            return "" if good else json.dumps(spod.get("status"))

        return Hope(f"spod is {state} and names {word!r}", why_not)

    def spod_remarks(self, reason: str, word: str = "") -> Hope:
        """spod's condition on its settings has this reason, and names the word."""

        def why_not() -> str:
            found = self.condition(self.spod(), "SettingsInEffect")
            good = found.get("reason") == reason and word in found["message"]
            return "" if good else json.dumps(found)

        return Hope(f"spod remarks {reason} {word}".rstrip(), why_not)

    def daemons_ask(self, wanted: Callable[[Manifest], bool]) -> Hope:
        """The daemons' pod spec is as wanted, whether or not it is rolled out."""

        def why_not() -> str:
            found = self.driver.get("DaemonSet", self.operator_namespace, "spod")
            asks = found is not None and wanted(found["spec"]["template"]["spec"])
            return "" if asks else "the daemon set does not ask for it"

        return Hope("the daemons are asked for as wanted", why_not)

    def rolled_out(self, wanted: Callable[[Manifest], bool]) -> Hope:
        """The daemons' pod spec is as wanted, and a daemon of it is ready on every node."""

        def why_not() -> str:
            found = self.driver.get("DaemonSet", self.operator_namespace, "spod")
            if found is None or not wanted(found["spec"]["template"]["spec"]):
                return "the daemon set does not ask for it"
            status, nodes = found.get("status", {}), len(self.driver.nodes())
            fresh = status.get("observedGeneration") == found["metadata"]["generation"]
            ready = status.get("numberReady") == nodes and status.get("updatedNumberScheduled") == nodes
            return "" if fresh and ready else json.dumps(status)

        return Hope("the daemons are rolled out as wanted", why_not)
