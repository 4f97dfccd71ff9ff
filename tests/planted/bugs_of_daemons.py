"""Bugs on purpose, of what is in use, of previews, of stacked and shipped bases, of spod and of several managers."""

from __future__ import annotations

from spo.model.scheduling import QUANTITY_PATTERN
from tests.planted.bug import MANAGER, VERDICT, Bug

A = "scenarios/test_a_allowed_syscalls.py::"
PREVIEW = "scenarios/test_a_preview.py::"
B = "scenarios/test_b_base_profiles.py::"
SHIPPED = "scenarios/test_b_shipped_bases.py::"
D_E = "scenarios/test_d_e_daemons.py::"
J = "scenarios/test_j_operators.py::"
UNINSTALLING = "scenarios/test_uninstalling.py::"

ALLOW_LIST = "spo/render/allowlist.py"
RESOLVE = "spo/render/resolve.py"
ROLES = "spo/roles.py"
DAEMON_SET = "spo/render/daemonset.py"
LEADER = "spo/reconcile/leader.py"
INSTALLATION = "spo/deploy/operator.yaml"
AT_LEAST = """\
                      minimum: 0
                    description: At least.
"""  # where the CRD tells of requests

BUGS = (
    # -- A: in use, actions, the preview -----------------------------------------------------------------------------
    Bug(
        "a pod of any node keeps the file on every node",
        "A5",
        ROLES,
        'Interest(PODS, PodUse, fields=f"spec.nodeName={settings.node}")',
        "Interest(PODS, PodUse)",
        A + "test_a5_nodes_where_nobody_uses_it_lose_it_at_once_and_the_object_ends_with_the_last_user",
        "still not: the file of app stands on node-1, node-2",
    ),
    Bug(
        "actions count only beside a list of syscalls",
        "A7",
        ALLOW_LIST,
        "permitted = frozenset(allowed_actions or LETTING_THROUGH)",
        "permitted = frozenset(allowed_actions and listed and allowed_actions or LETTING_THROUGH)",
        A + "test_a7_only_the_allowed_actions_may_let_through_with_or_without_a_list",
        "still not: profile logs is Error",
    ),
    Bug(
        "what refuses must be listed, too",
        "A7",
        ALLOW_LIST,
        "        if action in LETTING_THROUGH\n",
        "",
        A + "test_a7_what_refuses_is_always_permitted",
        "still not: profile strict is Installed",
    ),
    Bug(
        "the preview calls removed whatever will not comply",
        "A8",
        "spo/preview/allow_list.py",
        "if goes(after, profile, verdict, settings):",
        "if True:",
        PREVIEW + "test_a8_what_the_preview_says_is_what_then_happens",
        "AssertionError",
    ),
    Bug(
        "the preview does not look at who uses a profile",
        "A8",
        "spo/preview/allow_list.py",
        "for file in files_in_use(pod) if user.node else ():",
        "for file in ():",
        PREVIEW + "test_a8_what_the_preview_says_is_what_then_happens",
        "one more item: 'node-1'",
    ),
    # -- B: bases ----------------------------------------------------------------------------------------------------
    Bug(
        "the operator's base comes before the namespace's own",
        "B0",
        RESOLVE,
        "dict.fromkeys((own, operator_namespace))",
        "dict.fromkeys((operator_namespace, own))",
        B + "test_b0_a_base_of_the_profiles_own_namespace_comes_before_the_operators",
        "AssertionError",
    ),
    Bug(
        "a stack of sixteen is one too many, and is taken",
        "B2",
        RESOLVE,
        "if len(seen) > BASES_MAX:",
        "if len(seen) > BASES_MAX + 1:",
        B + "test_b2_bases_stack_up_to_fifteen",
        "still not: profile level-0 is Error (InvalidSeccompProfile)",
    ),
    Bug(
        "a base that vanishes takes working profiles with it",
        "B2",
        VERDICT,
        'problem = Problem("InvalidSeccompProfile", str(resolved.problem))',
        'return Verdict(ERROR, problem=Problem("InvalidSeccompProfile", str(resolved.problem)))',
        B + "test_b2_a_base_that_vanishes_takes_no_working_profile_from_running_pods",
        "AssertionError",
    ),
    Bug(
        "what stands on a base is not looked at again",
        "B3",
        ROLES,
        "for built in view.among(PROFILES_BY_BASE, base.name):",
        "for built in ():",
        B + "test_b3_a_changed_base_installs_again_all_that_is_built_on_it_however_far",
        "still not: ",
    ),
    Bug(
        "the documented base lacks a call that the runtime makes",
        "B5",
        INSTALLATION,
        "    - setuid\n",
        "",
        SHIPPED + "test_b5_with_the_documented_base_a_container_really_starts_and_does_its_work",
        "still not: ",
    ),
    Bug(
        "a base does not say on what it was measured",
        "B5",
        INSTALLATION,
        "measured-on: runc 1.1.5",
        "measured-on: some runc 1.1.5",
        SHIPPED + "test_b5_a_shipped_base_says_on_what_it_was_measured",
        "AssertionError",
    ),
    # -- D, E: the daemon set ----------------------------------------------------------------------------------------
    Bug(
        "limits of spod are added to the defaults",
        "D1",
        DAEMON_SET,
        "for name, quantity in given.items()",
        "for name, quantity in {**(getattr(RESOURCES, what) or {}), **given}.items()",
        D_E + "test_d1_the_daemon_container_gets_exactly_the_resources_of_spod",
        "still not: ",
    ),
    Bug(
        "without the field there are no resources at all",
        "D2",
        DAEMON_SET,
        "spec.daemon_resource_requirements or RESOURCES",
        "spec.daemon_resource_requirements or ResourceRequirements()",
        D_E + "test_d2_without_the_field_the_defaults_come_back",
        "KeyError: 'requests'",
    ),
    Bug(
        "any text is a quantity",
        "D3",
        INSTALLATION,
        f"pattern: {QUANTITY_PATTERN}\n{AT_LEAST}",
        f"pattern: .*\n{AT_LEAST}",
        D_E + "test_d3_a_value_that_is_no_quantity_is_refused_by_the_api",
        "DID NOT RAISE",
    ),
    Bug(
        "another priority class is not heeded",
        "E1",
        DAEMON_SET,
        "spec.priority_class_name or PRIORITY_CLASS",
        "PRIORITY_CLASS",
        D_E + "test_e1_the_daemons_are_node_critical_unless_spod_names_another_class",
        "still not: ",
    ),
    Bug(
        "spod does not say why pods cannot be created",
        "E2",
        "spo/reconcile/spod.py",
        "if failures and status.current_number_scheduled < status.desired_number_scheduled:",
        "if False:",
        D_E + "test_e2_a_class_that_does_not_exist_is_named_on_spod_and_mended_with_it",
        "still not: ",
    ),
    # -- J: uninstalling, several managers, other namespaces ----------------------------------------------------------
    Bug(
        "nobody clears the nodes when all else is gone",
        "J9",
        "spo/testbed/operator_pods.py",
        "for path, _ in list(self._disk.below(self._root)):",
        "for path, _ in ():",
        UNINSTALLING + "test_j9_uninstalling_leaves_nothing_behind",
        "node-1",
    ),
    Bug(
        "rights are left behind",
        "J9",
        "spo/installation/removal.py",
        "for resource, manifest in objects:",
        "for resource, manifest in objects[:1]:",
        UNINSTALLING + "test_j9_uninstalling_leaves_nothing_behind",
        "not gone: ",
    ),
    Bug(
        "who holds the lease leads, however long ago it was renewed",
        "J10",
        LEADER,
        "return holds(view, namespace, identity) and _age_s(view, namespace) < RENEW_WITHIN_S",
        "return holds(view, namespace, identity)",
        J + "test_j10_a_leader_that_cannot_renew_writes_nothing_from_before_another_may_begin",
        "AssertionError",
    ),
    Bug(
        "a leader that leaves keeps the lease",
        "J10",
        "spo/loop.py",
        "if self.role.farewell is not None and",
        "if False and",
        J + "test_j10_a_leader_that_leaves_in_order_hands_over_at_once",
        "still not: ",
    ),
    Bug(
        "bases are looked for in the default namespace of the operator only",
        "J11",
        VERDICT,
        "resolve(profile, lookup, settings.namespace)",
        'resolve(profile, lookup, "security-profiles-operator")',
        J + "test_j11_in_another_namespace_the_same_holds",
        "still not: ",
    ),
    Bug(
        "the operator's own profiles go with a list, where its namespace is another",
        "J11",
        MANAGER,
        "spod = view.one(SecurityProfilesOperatorDaemon, settings.namespace, SPOD)",
        'spod = view.one(SecurityProfilesOperatorDaemon, "security-profiles-operator", SPOD)',
        J + "test_j11_in_another_namespace_the_same_holds",
        "still not: ",
    ),
)
