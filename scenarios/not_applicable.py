"""The stories that cannot be told on a real cluster, each with its reason. There is no other list.

A reason is one of these powers, which only a simulator has, or a line of the contract that is marked as a simulator's
or of a later release.
"""

from __future__ import annotations

import re

NEW_NODE = "a new node joins"
POWER_OFF = "a node loses power"
FULL_DISK = "a node's disk is full"
FAULTS = "faults at the operator's doors"
CLOCKS = "clocks of pods go wrong"
OWN_CLUSTER = "a cluster of the story's own, to install the operator in or take it away from"
POWERS = frozenset({NEW_NODE, POWER_OFF, FULL_DISK, FAULTS, CLOCKS, OWN_CLUSTER})

NOT_APPLICABLE = {
    "test_bad_luck.py::test_under_bad_luck_the_end_is_the_same": FAULTS,
    "test_bad_luck.py::test_when_a_role_is_killed_again_and_again_the_end_is_the_same": FAULTS,
    "test_j_foundations.py::test_j1_a_full_disk_is_told_and_the_profile_comes_when_there_is_room": FULL_DISK,
    "test_j_foundations.py::test_j3_a_new_node_gets_every_profile": NEW_NODE,
    "test_j_foundations.py::test_j4_a_node_that_comes_back_clears_away_what_was_deleted_meanwhile": POWER_OFF,
    "test_j_foundations.py::test_j4_deletion_ends_although_a_node_is_gone": POWER_OFF,
    "test_j_operators.py::test_j10_a_deletion_ends_in_time_although_the_managers_clocks_are_wrong": CLOCKS,
    "test_j_operators.py::test_j10_a_leader_that_cannot_renew_writes_nothing_from_before_another_may_begin": FAULTS,
    "test_j_operators.py::test_j10_a_leader_that_is_cut_off_stops_before_another_begins_and_writes_no_more": FAULTS,
    "test_j_operators.py::test_j10_a_leader_whose_renewals_alone_are_lost_gives_way": FAULTS,
    "test_j_operators.py::test_j10_a_reply_to_a_renewal_that_is_lost_makes_no_second_leader": FAULTS,
    "test_j_operators.py::test_j10_clocks_that_are_wrong_make_neither_two_leaders_nor_none": CLOCKS,
    "test_j_operators.py::test_j10_daemons_whose_clocks_are_wrong_work_all_the_same": CLOCKS,
    "test_j_operators.py::test_j10_when_the_leaders_node_dies_another_takes_over": POWER_OFF,
    "test_j_operators.py::test_j11_in_another_namespace_the_same_holds": OWN_CLUSTER,
    "test_races.py::test_a4_a_profile_that_is_corrected_at_that_moment_is_not_deleted": FAULTS,
    "test_races.py::test_j0_a_finalizer_that_somebody_else_adds_at_that_moment_stays": FAULTS,
    "test_races.py::test_j1_a_profile_that_comes_with_a_new_node_is_installed_when_that_node_has_it": NEW_NODE,
    "test_races.py::test_j1_nothing_is_written_before_deletion_is_sure_to_come_past_the_manager": FAULTS,
    "test_races.py::test_j4_a_daemon_that_does_not_know_the_profiles_yet_removes_nothing": FAULTS,
    "test_races.py::test_j4_a_daemon_that_hears_nothing_of_pods_removes_no_file": FAULTS,
    "test_races.py::test_j4_a_profile_goes_although_nobody_knew_of_its_deletion_for_a_while": FAULTS,
    "test_uninstalling.py::test_j9_uninstalling_leaves_nothing_behind": OWN_CLUSTER,
}


def is_allowed(reason: str) -> bool:
    """Is it one that may keep a story off a real cluster?"""
    return reason in POWERS or re.fullmatch(r"contract line [A-J]\d+ is marked (sim|later)", reason) is not None
