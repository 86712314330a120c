"""Fields that cannot change in an object that stays: the provider's, the API server's, those of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SIZE: Final = "spec.resources.requests.storage"
"""What a claim asks for; it can only grow."""
_SELECTOR = ("spec.selector",)
_STATEFUL_SET = (
    "spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName",
    "spec.volumeClaimTemplates",
)  # fmt: skip
_JOB = ("spec.completions", "spec.parallelism", "spec.selector", "spec.template")
_CONTAINER = (
    "args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports", "readinessProbe",
    "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty",
    "volumeDevices", "volumeMounts", "workingDir",
)  # fmt: skip
_POD = (
    "affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostAliases",
    "hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName", "nodeSelector", "overhead",
    "preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName",
    "schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "shareProcessNamespace", "subdomain",
    "terminationGracePeriodSeconds", "volumes",
)  # fmt: skip
_SOURCES = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker",
    "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip

REPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"apps/{version}:StatefulSet": _STATEFUL_SET for version in ("v1beta1", "v1beta2", "v1")},
    **{f"apps/{version}:{kind}": _SELECTOR for version in ("v1beta2", "v1") for kind in ("DaemonSet", "Deployment")},
    **{f"batch/{version}:Job": _JOB for version in ("v1beta1", "v1", "v2alpha1")},
    "core/v1:PersistentVolume": tuple(f"spec.{source}" for source in _SOURCES),
    "core/v1:PersistentVolumeClaim": (
        "spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName",
    ),
    "core/v1:Pod": (
        *(f"spec.{field}" for field in _POD),
        *(f"spec.{kind}[*].{field}" for kind in ("containers", "initContainers") for field in _CONTAINER),
    ),
    "core/v1:ResourceQuota": ("spec.scopes",),
    "core/v1:Secret": ("type",),
    "core/v1:Service": ("spec.clusterIP",),
    "policy/v1beta1:PodDisruptionBudget": ("spec",),
    **{
        f"rbac.authorization.k8s.io/{version}:{kind}": ("roleRef",)
        for version in ("v1alpha1", "v1beta1", "v1")
        for kind in ("ClusterRoleBinding", "RoleBinding")
    },
    "storage.k8s.io/v1:StorageClass": ("parameters", "provisioner"),
}  # fmt: skip
"""What makes the provider replace an object, by `group/version:Kind`."""

REFUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "apiextensions.k8s.io/v1:CustomResourceDefinition": ("spec.group", "spec.scope", "spec.names.kind"),
    "apps/v1:ReplicaSet": _SELECTOR,
    "batch/v1:Job": (
        "spec.backoffLimitPerIndex", "spec.completionMode", "spec.managedBy", "spec.podFailurePolicy",
        "spec.successPolicy",
    ),
    "core/v1:PersistentVolumeClaim": ("spec.dataSource", "spec.dataSourceRef", "spec.volumeMode"),
    "core/v1:Service": ("spec.loadBalancerClass",),
    "gateway.networking.k8s.io/v1:GatewayClass": ("spec.controllerName",),
    "networking.k8s.io/v1:IngressClass": ("spec.controller",),
    "node.k8s.io/v1:RuntimeClass": ("handler",),
    "scheduling.k8s.io/v1:PriorityClass": ("preemptionPolicy", "value"),
    "storage.k8s.io/v1:StorageClass": ("reclaimPolicy", "volumeBindingMode"),
}  # fmt: skip
"""What the API server refuses to change, by `group/version:Kind`."""

_BUCKET = ("bucket", "bucketPrefix", "objectLockEnabled")
_DATABASE = ("engine", "username", "dbName", "storageEncrypted", "kmsKeyId", "availabilityZone", "snapshotIdentifier")
_CLUSTER = ("engine", "clusterIdentifier", "databaseName", "masterUsername", "storageEncrypted", "kmsKeyId")

AWS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:s3/bucket:Bucket": _BUCKET,
    "aws:s3/bucketV2:BucketV2": _BUCKET,
    "aws:rds/instance:Instance": _DATABASE,
    "aws:rds/cluster:Cluster": _CLUSTER,
    "aws:dynamodb/table:Table": ("name", "hashKey", "rangeKey"),
    "aws:ebs/volume:Volume": ("availabilityZone", "encrypted", "kmsKeyId", "snapshotId"),
    "aws:efs/fileSystem:FileSystem": ("creationToken", "encrypted", "kmsKeyId", "performanceMode"),
    "aws:ecr/repository:Repository": ("name",),
}
"""What replaces a thing of AWS that keeps data, by its type; the AWS provider asks the same of Terraform's schema."""
