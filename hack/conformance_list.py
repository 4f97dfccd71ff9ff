"""Which of Kubernetes' end-to-end tests are asked of the simulated cluster, and why others are not.

Files are named as below `test/e2e`, without `.go`. Keys of the other tables are parts of a spec's full name.
"""

from __future__ import annotations

from collections.abc import Mapping

# Each group has a cluster of its own: so specs that want one for themselves (`[Serial]`) can run beside other groups.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "custom-resources": (
        "apimachinery/crd_publish_openapi",
        "apimachinery/crd_selectable_fields",
        "apimachinery/crd_validation_ratcheting",
        "apimachinery/crd_validation_rules",
        "apimachinery/crd_watch",
        "apimachinery/custom_resource_definition",
        "apimachinery/field_validation",
    ),
    "reading": (
        "apimachinery/chunking",
        "apimachinery/protocol",
        "apimachinery/table_conversion",
        "apimachinery/watch",
        "apimachinery/watchlist",
        "common/node/configmap",
        "common/node/lease",
        "common/node/secrets",
        "instrumentation/core_events",
        "instrumentation/events",
    ),
    "server": (
        "apimachinery/aggregated_discovery",
        "apimachinery/apply",
        "apimachinery/discovery",
        "apimachinery/generated_clientset",
        "apimachinery/health_handlers",
        "apimachinery/openapiv3",
        "apimachinery/request_timeout",
        "apimachinery/server_version",
        "auth/certificates",
        "auth/selfsubjectreviews",
        "auth/service_accounts",
        "auth/subjectreviews",
    ),
    "garbage": ("apimachinery/garbage_collector",),
    "namespaces": ("apimachinery/namespace",),
    "quotas": ("apimachinery/resource_quota", "scheduling/limit_range"),
    "replicas": ("apps/deployment", "apps/rc", "apps/replica_set"),
    "daemon-sets": ("apps/controller_revision", "apps/daemon_set"),
    "stateful-sets": ("apps/statefulset",),
    "jobs": ("apps/job", "apps/ttl_after_finished"),
    "cron-jobs": ("apps/cronjob",),
    "budgets": ("apps/disruption",),
    "pods": (
        "common/node/init_container",
        "common/node/kubelet",
        "common/node/pods",
        "common/node/podtemplates",
        "common/node/runtimeclass",
        "node/events",
        "node/node_lifecycle",
        "node/pods",
        "node/runtimeclass",
    ),
    "scheduling": ("scheduling/predicates", "scheduling/preemption"),
    "taints": ("node/taints",),
}

# In these, simulated time runs ahead: they wait for old history to be forgotten, as happens every five minutes.
HURRIED = ("reading",)

# Not run, whole files. What is named nowhere has to do with containers, networks and volumes that are not simulated.
OTHER_FILES: Mapping[str, str] = {
    "apimachinery/aggregator": "no aggregated API servers: there is no process to ask",
    "apimachinery/crd_conversion_webhook": "no conversion webhooks",
    "apimachinery/etcd_failure": "no etcd",
    "apimachinery/flowcontrol": "no priority and fairness: requests take no time",
    "apimachinery/mutatingadmissionpolicy": "no admission policies",
    "apimachinery/validatingadmissionpolicy": "no admission policies",
    "apimachinery/webhook": "its webhook server would run in a pod, and nothing runs there",
}
ELSEWHERE = "not asked: it is about real containers, networks, volumes or machines, or nobody looked at it yet"

# Single specs of the files above that are not run.
NOT_APPLICABLE: Mapping[str, str] = {
    "Aggregated APIServer": "no aggregated API servers: there is no process to ask",
    "1.17 sample-apiserver": "no aggregated API servers: there is no process to ask",
    "[FeatureGate:DynamicResourceAllocation]": "no resource claims",
    "[FeatureGate:VolumeAttributesClass]": "no classes of volume attributes",
    "consumable": "the container of a real image would have to read a volume",
    "via the environment": "the container of a real image would have to read its environment",
    "set ownership and permission": "the container of a real image would have to read a volume",
    "mount an API token": "the container of a real image would have to read a volume",
    "mount projected service account token": "the container of a real image would have to read a volume",
    "building a client with a CSR": "nobody signs",
    "InClusterConfig with token rotation": "the container of a real image would have to call the API server",
    "ServiceAccountIssuerDiscovery": "the container of a real image would have to call the API server",
    "serve a basic image on each replica": "the container would have to answer over the network",
    "load-balancer's connectivity": "the container would have to answer over the network",
    "surge pods onto nodes": "the container's shell would have to write what its probe reads",
    "should provide basic identity": "it breaks the pods' probes with exec",
    "when a pod's predecessor fails": "it breaks the pods' probes with exec",
    "and roll backs of template modifications": "it breaks the pods' probes with exec",
    "canary updates and phased rolling updates": "it breaks the pods' probes with exec",
    "implement legacy replacement": "it breaks the pods' probes with exec",
    "Scaling should happen in predictable order": "it breaks the pods' probes with exec",
    "Burst scaling should run to completion": "it breaks the pods' probes with exec",
    "[FeatureGate:MaxUnavailableStatefulSet]": "off by default",
    "should creating a working": "a database of a real image",
    "Non-retain StatefulSetPersistentVolumeClaimPolicy": "nothing binds claims of volumes: the pods wait for ever",
    "PVC should be recreated when pod is pending": "nothing binds claims of volumes: the pods wait for ever",
    "policy on exit code to fail the job early": "the container's shell would have to decide",
    "ignore failure matching on exit code": "the container's shell would have to decide",
    "ignore failure matching on DisruptionTarget": "the container's shell would have to decide",
    "with successPolicy": "the container's shell would have to decide",
    "execute all indexes despite some failing": "the container's shell would have to decide",
    "FailIndex action is matched": "the container's shell would have to decide",
    "when tasks sometimes fail": "the container's shell would have to decide",
    "pod replacement policy is set to Failed": "the container's shell would have to hear of a signal",
    "once it finishes after TTL": "the container's shell would have to draw lots",
    "[Feature:ContainerRestartRules]": "no rules of restart by container",
    "[Feature:OffByDefault]": "off by default",
    "[FeatureGate:MutablePodResourcesForSuspendedJobs]": "a suspended job's template cannot be changed",
    "environment variables for services": "the container would have to show its environment",
    "over websockets": "no websockets, and no process to talk to",
    "back-off timer reset on image update": "it waits for minutes of back-off, in real time",
    "cap back-off at MaxContainerBackOff": "it waits for minutes of back-off, in real time",
    "/etc/hosts": "the container would have to read a file",
    "not write to root filesystem": "the container would have to write a file",
    "[Feature:RuntimeHandler]": "every runtime handler is taken for one that is set up",
    "CronJob should not emit unexpected warnings": "an image without a command would have to end by itself",
    "validates proper pods are preempted": "no topology spread constraints: refused by name",
    "generation should start at 1 and increment": "an image without a command would have to end by itself",
    "Delete Grace Period should be submitted and removed": "the kubelet would have to answer on its own port",
    "evicted pods should be terminal": "no eviction by nodes: nothing fills their disks",
    "MaxSkew": "no topology spread constraints: refused by name",
    "when PVC has node-affinity": "no volumes",
    "[Flaky]": "flaky, says upstream itself",
    "testing SSR in different API groups authentication/v1alpha1": "not served by this release",
    "testing SSR in different API groups authentication/v1beta1": "not served by this release",
}

# Specs that are run and fail, each with what is missing. One that passes has to leave this table.
KNOWN: Mapping[str, str] = {
    "list and watch custom resources matching the field selector": "it needs a conversion webhook",
    "exceeds the estimated cost limit": "CEL: what a rule could cost is not estimated",
}
