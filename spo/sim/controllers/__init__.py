"""The controllers of the cluster: switchable parts, as small as their contract."""
