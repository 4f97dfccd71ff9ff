"""Faults: what goes wrong in the simulated world, as data; one injector a cluster.

Rules
    1. A part that can be struck asks at its site's gate before each operation; it knows no fault by name.
    2. A fault says where, whose and which operations, how often and when; what becomes of them is its fate. Both are
       data: a plan is dumped, parsed and told in words, and what cannot be cannot be made (BadPlan).
    3. Each fate (`fates.py`) says itself at which sites it means something, and does what it says through what a site
       offers.
    4. Without a name a fault means whoever is not the cluster's own: operators are struck, the cluster below is not.

Expected flow
    operation → gate (armed?) → listeners (may raise Crash) → every fault of the plan counts → the first that strikes
    → its fate: let it happen or not, once or twice; answer, late, wrongly or not at all → strikes
    What strikes the cluster (a node, the API server, clocks) is put on the timeline when the plan is set.

Guarantees
    The same seed and plan strike the same operations. A fault counts and draws for itself: one that is taken away, or
    never strikes, changes nothing of when the others do. `end` puts right what lasts. An event of a watch is never
    lost or overtaken: it comes, late, or the watch ends before it.

Assumptions
    A program in a pod gives in to Crash. What it does in one tick happens at the tick's beginning; if its answers are
    late, their delays come after it, one after the other. Who is no program in a pod cannot be killed: it gets no
    answer, and a note says so. A caller in this process that is no program in a pod gets a late answer at once.

Does not
    strike what the cluster's parts read of the store without asking, lose bytes of a request, move a kubelet's clock.
"""

from spo.sim.faults.fates import BadPlan
from spo.sim.faults.injector import Faults, Gate, Strike
from spo.sim.faults.plan import Fault, FaultPlan
from spo.sim.faults.sites import READS, WRITES, Crash, Operation, Site

__all__ = [
    "READS",
    "WRITES",
    "BadPlan",
    "Crash",
    "Fault",
    "FaultPlan",
    "Faults",
    "Gate",
    "Operation",
    "Site",
    "Strike",
]
