"""The risk of a change, told from the two sides alone; the same table meets the real engine in e2e/cluster/test_risk.py."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from changes import CASES, Case
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import acme
from risky import RESOURCES, deployment, made, mutated, samples, workload
from spine import ROOT

from handrail.core.resources import Given, Ref, Resource
from handrail.preview._risk.keeping import KEEPS
from handrail.preview._risk.serving import NEEDED, SERVES
from handrail.preview.cost import cost_of
from handrail.preview.risk import OPENS, SHUTS, Assessment, Risk, Step, assess, step_of
from handrail.standards.evidence import POD_SPECS

RBAC = "rbac.authorization.k8s.io/v1"
NETWORK = "networking.k8s.io/v1:NetworkPolicy"


def changed(resource: Resource, *path: str | int, to: Any) -> Resource:
    """`resource` with another value at a path; None takes it away."""
    inputs: Any = copy.deepcopy(resource.inputs)
    holder = inputs
    for part in path[:-1]:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else holder[part]
    holder[path[-1]] = to
    return replace(resource, inputs=inputs)


def risks(before: Resource | None, after: Resource | None, **more: Any) -> list[str]:
    """The classes of a change, the worst first, each once."""
    return list(dict.fromkeys(str(each.risk) for each in assess(before, after, **more)))


def reasons(before: Resource | None, after: Resource | None) -> str:
    """All that is said of a change."""
    return "\n".join(each.reason for each in assess(before, after))


CONTAINER = ("spec", "template", "spec", "containers", 0)


def test_the_classes_are_ordered_by_what_can_be_undone() -> None:
    """Lost data cannot; a restart nobody notices."""
    ordered = [Risk.NONE, Risk.ROLLING_RESTART, Risk.REPLACEMENT, Risk.TRAFFIC, Risk.SECURITY, Risk.DATA_LOSS]
    assert [risk.severity for risk in ordered] == [0, 1, 2, 3, 4, 5]
    assert [str(risk) for risk in Risk] == [str(risk) for risk in reversed(ordered)]


class TestPods:
    """What runs."""

    def test_another_image_rolls(self) -> None:
        """In words that say from which to which."""
        after = changed(deployment(), *CONTAINER, "image", to="registry.acme.test/web:2")
        said = "main.image from registry.acme.test/web:1 to registry.acme.test/web:2: new pods take over one after the other"
        path = "spec.template.spec.containers.main.image"
        assert assess(deployment(), after) == (Assessment(Risk.ROLLING_RESTART, said, path),)

    @pytest.mark.parametrize(
        ("kind", "more", "said"),
        [
            ("Deployment", {"strategy": {"type": "Recreate"}}, "all its pods end before new ones start"),
            ("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}}, "its only pod ends before"),
            ("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}, "its only pod ends before"),
            ("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": "99%"}}}, "one after the other"),
            (
                "Deployment",
                {"replicas": 4, "strategy": {"rollingUpdate": {"maxUnavailable": 1}}},
                "one after the other",
            ),
            ("StatefulSet", {"replicas": 1}, "its pod ends before the new one starts: an interruption"),
            ("StatefulSet", {"replicas": 3}, "one after the other"),
            ("StatefulSet", {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}, "from number 2 on"),
            ("DaemonSet", {}, "node by node"),
        ],
    )
    def test_an_interruption_is_said(self, kind: str, more: dict[str, Any], said: str) -> None:
        """By kind, strategy and number of pods."""
        before = workload(f"apps/v1:{kind}", **more)
        after = changed(before, *CONTAINER, "image", to="registry.acme.test/web:2")
        assert risks(before, after) == ["rolling restart"]
        assert said in reasons(before, after)

    @pytest.mark.parametrize(
        ("kind", "more", "said"),
        [
            ("apps/v1:Deployment", {"paused": True}, "paused"),
            ("apps/v1:Deployment", {"replicas": 0}, "no pods"),
            ("apps/v1:StatefulSet", {"replicas": 0}, "no pods"),
            ("apps/v1:StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
            ("apps/v1:DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
            ("apps/v1:ReplicaSet", {}, "new ones get it"),
        ],
    )
    def test_no_pod_restarts_where_none_has_to(self, kind: str, more: dict[str, Any], said: str) -> None:
        """And why."""
        before = workload(kind, **more)
        after = changed(before, *CONTAINER, "image", to="registry.acme.test/web:2")
        assert risks(before, after) == ["none"]
        assert said in reasons(before, after)

    def test_a_job_that_runs_goes_on(self) -> None:
        """The next run of a CronJob gets it; a Job itself cannot change."""
        template = {
            "spec": {"template": {"spec": {"containers": [{"name": "run", "image": "registry.acme.test/run:1"}]}}}
        }
        cron = made("batch/v1:CronJob", spec={"schedule": "@daily", "jobTemplate": template})
        path = ("spec", "jobTemplate", "spec", "template", "spec", "containers", 0, "image")
        after = changed(cron, *path, to="registry.acme.test/run:2")
        assert risks(cron, after) == ["none"]
        assert "the next one gets it" in reasons(cron, after)
        job = made("batch/v1:Job", spec=template["spec"])
        assert risks(job, changed(job, *path[:1], *path[3:], to="registry.acme.test/run:2")) == ["replacement"]

    def test_labels_of_its_own_restart_nothing(self) -> None:
        """Those of its pods do."""
        assert risks(deployment(), changed(deployment(), "metadata", "labels", to={"team": "web"})) == ["none"]
        relabelled = changed(deployment(), "spec", "template", "metadata", "labels", "version", to="2")
        assert risks(deployment(), relabelled) == ["rolling restart"]

    @pytest.mark.parametrize(
        ("old", "new", "risk", "said"),
        [
            (2, 4, "none", "from 2 to 4"), (4, 2, "none", "scales down from 4 to 2"), (2, 0, "traffic", "no pod is left"),
            (3, None, "traffic", "falls from 3 pods to one"),
            (1, None, "none", "left to others"), (None, 2, "none", "has 2 pods, however many"), (None, 0, "traffic", "no pod is left"), (Given(None), 2, "none", "known at up"),
        ],
    )  # fmt: skip
    def test_another_number_of_pods(self, old: Any, new: Any, risk: str, said: str) -> None:
        """Handed to an autoscaler, it is one for a moment: the API server's default."""
        assert risks(deployment(replicas=old), deployment(replicas=new)) == [risk]
        assert said in reasons(deployment(replicas=old), deployment(replicas=new))

    def test_other_bounds_of_an_autoscaler(self) -> None:
        """In their own words."""
        before = made("autoscaling/v2:HorizontalPodAutoscaler", spec={"minReplicas": 2, "maxReplicas": 20})
        after = changed(before, "spec", "maxReplicas", to=40)
        assert assess(before, after) == (Assessment(Risk.NONE, "maxReplicas from 20 to 40 pods", "spec.maxReplicas"),)

    @pytest.mark.parametrize(
        ("field", "value", "risk"),
        [
            ("imagePullPolicy", "IfNotPresent", "none"), ("imagePullPolicy", "Always", "rolling restart"),
            ("terminationMessagePolicy", "File", "none"),
            ("imagePullPolicy", Given(None), "rolling restart"),
        ],
    )  # fmt: skip
    def test_a_default_that_is_written_out_restarts_nothing(self, field: str, value: Any, risk: str) -> None:
        """As the API server would put it there; of an image without a tag another one."""
        assert risks(deployment(), changed(deployment(), *CONTAINER, field, to=value)) == [risk]
        latest = deployment({"image": "registry.acme.test/web"})
        assert risks(latest, changed(latest, *CONTAINER, "imagePullPolicy", to="Always")) == ["none"]

    def test_a_secret_is_not_shown(self) -> None:
        """Values stand in the reason only where none of them can be one."""
        env = [{"name": "DATABASE_PASSWORD", "value": "hunter2"}]
        before, after = deployment({"env": env}), deployment({"env": [{**env[0], "value": "hunter3"}]})
        assert risks(before, after) == ["rolling restart"]
        assert "hunter" not in reasons(before, after)


class TestReplacement:
    """What cannot change."""

    @pytest.mark.parametrize(
        ("before", "path", "to", "expected"),
        [
            (deployment(), ("spec", "selector", "matchLabels"), {"app": "other"}, ["traffic", "replacement"]),
            (workload("apps/v1:StatefulSet"), ("spec", "serviceName"), "other", ["traffic", "replacement"]),
            (workload("apps/v1:StatefulSet"), ("spec", "podManagementPolicy"), "Parallel", ["traffic", "replacement"]),
            (made("core/v1:Service", spec={"clusterIP": "None"}), ("spec", "clusterIP"), "10.0.0.9", ["traffic", "replacement"]),
            (made(f"{RBAC}:RoleBinding", roleRef={"kind": "Role", "name": "a"}), ("roleRef", "name"), "b", ["replacement"]),
            (made("core/v1:ConfigMap", data={"level": "info"}), ("data", "level"), "debug", ["replacement"]),
            (made("core/v1:Secret", data={"key": "YQ=="}), ("data", "key"), "Yg==", ["replacement"]),
            (made("storage.k8s.io/v1:StorageClass", provisioner="a"), ("provisioner",), "b", ["replacement"]),
            (made("batch/v1:Job", spec={"parallelism": 1}), ("spec", "parallelism"), 2, ["replacement"]),
            (made("core/v1:ResourceQuota", spec={"scopes": ["A"]}), ("spec", "scopes"), ["B"], ["replacement"]),
        ],
    )  # fmt: skip
    def test_a_field_that_makes_another_object(
        self, before: Resource, path: tuple[str, ...], to: Any, expected: list[str]
    ) -> None:
        """It is deleted before it is made again: whatever it serves is gone for a while."""
        after = changed(before, *path, to=to)
        assert risks(before, after) == expected
        assert step_of(before, after).step is Step.REPLACE
        assert step_of(before, after).in_place

    def test_another_name_is_made_first(self) -> None:
        """Of a Deployment nobody notices; a Service is reached by its name."""
        assert risks(deployment(), changed(deployment(), "metadata", "name", to="other")) == ["replacement"]
        service = made("core/v1:Service", spec={"ports": [{"port": 80}]})
        assert risks(service, changed(service, "metadata", "name", to="other")) == ["traffic", "replacement"]

    @pytest.mark.parametrize(
        ("kind", "path", "waits"),
        [
            ("batch/v1:Job", ("spec", "parallelism"), False),
            ("apps/v1:StatefulSet", ("spec", "serviceName"), False),
            ("core/v1:ConfigMap", ("data", "level"), True),
        ],
    )
    def test_a_deletion_that_nobody_waits_for_is_said(self, kind: str, path: tuple[str, ...], waits: bool) -> None:
        """The provider heeds skipAwait for deletions of some kinds alone, and applies to what is still about to go."""
        awaited = changed(made(kind), path[0], to={path[1]: "first"})
        before = changed(awaited, "metadata", "annotations", to={"pulumi.com/skipAwait": "true"})
        after = changed(before, *path, to="other")
        assert ("skipAwait" in reasons(before, after)) is not waits
        assert "skipAwait" not in reasons(awaited, after)

    def test_a_name_that_pulumi_makes_is_another_each_time(self) -> None:
        """So the new one stands first, and nothing is interrupted."""
        unnamed = changed(deployment(), "metadata", "name", to=None)
        after = changed(unnamed, "spec", "selector", "matchLabels", to={"app": "other"})
        assert not step_of(unnamed, after).in_place
        assert risks(unnamed, after) == ["replacement"]

    def test_no_namespace_is_the_default_one(self) -> None:
        """Written out or not."""
        before = changed(deployment(), "metadata", "namespace", to=None)
        assert assess(before, changed(before, "metadata", "namespace", to="default")) == ()
        assert risks(before, deployment()) == ["replacement"]

    @pytest.mark.parametrize(
        ("before", "path", "to"),
        [
            (made("scheduling.k8s.io/v1:PriorityClass", value=1), ("value",), 2),
            (made("storage.k8s.io/v1:StorageClass", reclaimPolicy="Delete"), ("reclaimPolicy",), "Retain"),
            (made("core/v1:ConfigMap", immutable=True, data={}), ("immutable",), False),
            (workload("apps/v1:ReplicaSet"), ("spec", "selector", "matchLabels"), {"app": "other"}),
            (made("batch/v1:Job", spec={"completionMode": "Indexed"}), ("spec", "completionMode"), "NonIndexed"),
        ],
    )
    def test_a_field_that_the_api_server_refuses_to_change(
        self, before: Resource, path: tuple[str, ...], to: Any
    ) -> None:
        """The provider tries, and `up` ends."""
        after = changed(before, *path, to=to)
        assert step_of(before, after).step is Step.REFUSED
        assert risks(before, after) == ["replacement"]
        assert "`up` ends there" in reasons(before, after)

    def test_another_version_of_the_api_is_the_same_object(self) -> None:
        """Another kind is not."""
        before = made("autoscaling/v1:HorizontalPodAutoscaler", spec={"maxReplicas": 3})
        assert (
            step_of(before, replace(before, type="kubernetes:autoscaling/v2:HorizontalPodAutoscaler")).step is Step.SAME
        )
        assert step_of(deployment(), workload("apps/v1:StatefulSet")).step is Step.REPLACE


def claim(**spec: Any) -> Resource:
    """A claim of 10 GiB."""
    requests = {"requests": {"storage": spec.pop("size", "10Gi")}}
    return made("core/v1:PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"], "resources": requests, **spec})


def stateful(name: str = "data", **more: Any) -> Resource:
    """A StatefulSet with a claim for each pod."""
    template = {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    return workload("apps/v1:StatefulSet", volumeClaimTemplates=[template], serviceName="web", **more)


class TestData:
    """What is kept."""

    def test_a_volume_grows_and_does_not_shrink(self) -> None:
        """Growth is an update; the API server refuses less."""
        assert risks(claim(), claim(size="20Gi")) == ["none"]
        assert "grows from 10Gi to 20Gi, or is refused where its class" in reasons(claim(), claim(size="20Gi"))
        assert risks(claim(), claim(size="5Gi")) == ["data loss", "replacement"]
        assert step_of(claim(), claim(size="5Gi")).step is Step.REFUSED
        assert risks(claim(), claim(size=Given(None))) == ["none"]

    @pytest.mark.parametrize(("field", "value"), [("storageClassName", "fast"), ("accessModes", ["ReadWriteMany"])])
    def test_another_class_of_volume_begins_empty(self, field: str, value: Any) -> None:
        """With the reclaim policy in the reason."""
        assert risks(claim(), claim(**{field: value})) == ["data loss", "replacement"]
        assert "unless the reclaim policy of its class is Retain" in reasons(claim(), claim(**{field: value}))

    def test_what_is_deleted_with_its_data(self) -> None:
        """Claims, namespaces, definitions, things of a cloud; a guarded one says so."""
        assert risks(claim(), None) == ["data loss"]
        assert risks(made("core/v1:Namespace"), None) == ["data loss", "traffic"]
        assert risks(made("apiextensions.k8s.io/v1:CustomResourceDefinition"), None) == ["data loss"]
        volume = made("core/v1:PersistentVolume", spec={"persistentVolumeReclaimPolicy": "Delete"})
        assert risks(volume, None) == ["data loss"]
        assert risks(changed(volume, "spec", "persistentVolumeReclaimPolicy", to="Retain"), None) == ["none"]
        database = Resource("db", "aws:rds/instance:Instance", {"deletionProtection": True, "engine": "postgres"})
        assert risks(database, None) == ["data loss"]
        assert "save that deletion protection has `up` fail before" in reasons(database, None)
        assert "protection" not in reasons(changed(database, "deletionProtection", to=False), None)
        assert risks(database, changed(database, "engine", to="mysql")) == ["data loss", "replacement"]
        bucket = Resource("b", "aws:s3/bucket:Bucket", {})
        assert risks(bucket, None) == ["data loss"]
        assert "save that `up` fails where it is not empty" in reasons(bucket, None)
        assert "save" not in reasons(changed(bucket, "forceDestroy", to=True), None)

    def test_the_claims_of_a_stateful_set_outlive_it(self) -> None:
        """Unless it says otherwise; another template finds them no more."""
        assert risks(stateful(), None) == ["traffic", "none"]
        assert "the claims data-web-0 and on stay, and nothing uses them" in reasons(stateful(), None)
        owned: dict[str, Any] = {
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"}
        }
        assert risks(stateful(**owned), None) == ["data loss", "traffic"]
        assert risks(stateful(), stateful("other")) == ["data loss", "traffic", "replacement"]
        bigger = changed(
            stateful(), "spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage", to="2Gi"
        )
        assert risks(stateful(), bigger) == ["traffic", "replacement"]
        assert risks(stateful(replicas=3, **owned), stateful(replicas=2, **owned)) == ["data loss", "none"]


class TestTraffic:
    """What answers."""

    @pytest.mark.parametrize(
        ("path", "to", "said"),
        [
            (("ports", 0, "targetPort"), 9090, "port 80/TCP no longer leads to 8080"),
            (("ports", 0, "port"), 81, "port 80/TCP no longer leads to 8080"),
            (("selector", "app"), "other", "other pods"),
            (("type",), "ExternalName", "its type is another"),
        ],
    )
    def test_a_service_that_leads_elsewhere(self, path: tuple[str | int, ...], to: Any, said: str) -> None:
        """Each field that decides where requests go."""
        before = made("core/v1:Service", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]})
        after = changed(before, "spec", *path, to=to)
        assert risks(before, after) == ["traffic"]
        assert said in reasons(before, after)
        assert risks(before, changed(before, "spec", "ports", to=[*before.inputs["spec"]["ports"], {"port": 81}])) == [
            "none"
        ]

    def test_a_route_says_which_share_goes_where(self) -> None:
        """A canary's share; hosts, paths and parents that are gone."""

        def route(stable: int, canary: int, **more: Any) -> Resource:
            backends = [
                {"name": "web", "port": 80, "weight": stable},
                {"name": "web-canary", "port": 80, "weight": canary},
            ]
            rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}], "backendRefs": backends}
            return made(
                "gateway.networking.k8s.io/v1:HTTPRoute", spec={"hostnames": ["web.test"], "rules": [rule], **more}
            )

        assert risks(route(100, 0), route(90, 10)) == ["traffic"]
        assert "requests for /v2 go elsewhere: web:80 100% → 90%, web-canary:80 0% → 10%" in reasons(
            route(100, 0), route(90, 10)
        )
        assert risks(route(9, 1), route(90, 10)) == ["none"]  # the same shares
        assert "requests to web.test no longer come here" in reasons(route(9, 1), route(9, 1, hostnames=["other.test"]))
        assert risks(route(9, 1), route(9, 1, hostnames=["web.test", "other.test"])) == ["none"]
        assert risks(route(9, 1), None) == ["traffic"]

    def test_a_readiness_probe_that_goes(self) -> None:
        """Pods get requests before they are ready."""
        probed = deployment({"readinessProbe": {"httpGet": {"port": 8080}}})
        assert risks(probed, deployment()) == ["traffic", "rolling restart"]
        assert risks(deployment(), probed) == ["rolling restart"]

    def test_what_pods_need_to_start(self) -> None:
        """Gone, or a key of it; a dashboard is nothing that pods need."""
        settings = made("core/v1:ConfigMap", data={"a": "1", "b": "2"})
        assert risks(settings, None) == ["traffic"]
        assert risks(settings, made("core/v1:ConfigMap", data={"a": "1"})) == ["traffic", "replacement"]
        dashboard = made("core/v1:ConfigMap", metadata={"labels": {"grafana_dashboard": "1"}}, data={"a": "1"})
        assert risks(dashboard, None) == ["none"]
        assert "only Grafana reads it" in reasons(dashboard, changed(dashboard, "data", "a", to="2"))


def policy(peers: list[Any] | None, **spec: Any) -> Resource:
    """A NetworkPolicy that lets peers in at port 8080."""
    rules = [] if peers is None else [{"from": peers, "ports": [{"protocol": "TCP", "port": 8080}]}]
    return made(
        NETWORK,
        spec={"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": rules, **spec},
    )


def block(cidr: str) -> dict[str, Any]:
    """Addresses as a peer."""
    return {"ipBlock": {"cidr": cidr}}


CALLER = {"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "caller"}}}
SPACE = {"namespaceSelector": {"matchLabels": {"team": "a"}}}


class TestNetwork:
    """Who may connect."""

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (policy(None), policy([CALLER]), ["none"]),
            (policy([CALLER]), policy(None), ["traffic"]),
            (policy([CALLER]), policy([CALLER, SPACE]), ["security"]),
            (policy([CALLER]), policy([{"ipBlock": {"cidr": "0.0.0.0/0"}}, CALLER]), ["security"]),
            (policy([SPACE]), changed(policy([SPACE]), "spec", "ingress", 0, "ports", 0, "port", to=9090), ["traffic"]),
            (policy([SPACE]), changed(policy([SPACE]), "spec", "ingress", 0, "ports", to=[{"port": 8080}, {"port": 22}]), ["security"]),
            (policy([block("10.0.0.0/8")]), policy([block("10.1.0.0/16")]), ["traffic"]),
            (policy([block("10.1.0.0/16")]), policy([block("10.0.0.0/8")]), ["security"]),
            (policy([block("10.0.0.0/8")]), policy([block("2001:db8::/32")]), ["security", "traffic"]),
            (policy([CALLER]), policy([]), ["security"]),  # an empty list is everybody
            (policy([]), policy([CALLER]), ["traffic"]),
            (policy([CALLER]), policy([CALLER], policyTypes=["Egress"]), ["security", "traffic"]),
            (policy([CALLER]), policy([CALLER], policyTypes=["Ingress", "Egress"]), ["traffic"]),
            (policy([CALLER]), policy([CALLER], podSelector={"matchLabels": {"app": "b"}}), ["security"]),
            (policy([CALLER]), None, ["security"]),
            (None, policy([CALLER]), ["none"]),
            (None, policy(None, podSelector={}), ["traffic"]),
        ],
    )  # fmt: skip
    def test_wider_is_security_and_narrower_traffic(
        self, before: Resource | None, after: Resource | None, expected: list[str]
    ) -> None:
        """Pods that are named may be let in; everybody, a namespace or addresses are a matter of security."""
        found = [risk for risk in risks(before, after) if risk != "none"] or ["none"]
        assert found == expected

    def test_connections_of_one_port_are_one_sentence(self) -> None:
        """With everybody who is meant."""
        before = policy([CALLER, SPACE, {"ipBlock": {"cidr": "10.0.0.0/8"}}])
        said = "shuts connections into its pods, at port 8080: from caller in a, from every pod in a, from the addresses 10.0.0.0/8"
        assert reasons(before, policy(None)) == said

    def test_a_policy_that_goes_with_its_pods(self) -> None:
        """No door opens where nothing is behind it any more."""
        assert risks(policy([CALLER]), None, whole=True) == ["none"]
        deny = policy(None, podSelector={})
        assert risks(None, deny, whole=True) == ["none"]
        assert risks(deny, None, whole=True) == ["security"]

    def test_a_service_that_is_reached_from_outside(self) -> None:
        """As a new one as well."""
        inside, outside = made("core/v1:Service", spec={}), made("core/v1:Service", spec={"type": "LoadBalancer"})
        assert risks(inside, outside)[0] == "security"
        assert risks(None, outside) == ["security"]
        ranged = changed(outside, "spec", "loadBalancerSourceRanges", to=["203.0.113.0/24"])
        assert "lets in everywhere" in reasons(ranged, outside)


class TestRights:
    """Who may do what."""

    def role(self, *rules: dict[str, Any]) -> Resource:
        """A Role."""
        return made(f"{RBAC}:Role", rules=list(rules))

    PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}

    def test_a_role_that_may_more(self) -> None:
        """A wildcard covers what it stands for; less is no risk of security."""
        more = {**self.PODS, "verbs": ["get", "list", "delete"]}
        assert risks(self.role(self.PODS), self.role(more)) == ["security"]
        assert "may delete pods" in reasons(self.role(self.PODS), self.role(more))
        assert risks(self.role(more), self.role(self.PODS)) == ["none"]
        every = {**self.PODS, "verbs": ["*"]}
        assert risks(self.role(every), self.role(more)) == ["none"]
        assert risks(self.role(more), self.role(every)) == ["security"]
        named = {**self.PODS, "resourceNames": ["one"]}
        assert risks(self.role(named), self.role(self.PODS)) == ["security"]
        assert risks(None, self.role(self.PODS)) == ["none"]
        assert risks(None, self.role({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})) == ["security"]

    def test_a_binding_to_somebody_else(self) -> None:
        """Another subject, everybody, a whole cluster."""

        def binding(*names: str, kind: str = "RoleBinding", role: str = "view") -> Resource:
            subjects = [{"kind": "User", "name": name} for name in names]
            return made(f"{RBAC}:{kind}", roleRef={"kind": "ClusterRole", "name": role}, subjects=subjects)

        assert risks(binding("mei"), binding("mei", "tomas")) == ["security"]
        assert risks(binding("mei", "tomas"), binding("mei")) == ["none"]
        assert risks(None, binding("mei")) == ["none"]
        assert risks(None, binding("mei", role="cluster-admin")) == ["security"]
        assert risks(None, binding("mei", kind="ClusterRoleBinding")) == ["security"]
        assert risks(None, binding("system:anonymous")) == ["security"]

    def test_admission_that_refuses_less(self) -> None:
        """A validation, an action, a failure policy, the level of a namespace; more is no risk."""
        group = "admissionregistration.k8s.io/v1"
        judge = made(
            f"{group}:ValidatingAdmissionPolicy", spec={"validations": [{"expression": "a"}, {"expression": "b"}]}
        )
        fewer = changed(judge, "spec", "validations", to=[{"expression": "a"}])
        assert risks(judge, fewer) == ["security"]
        assert risks(fewer, judge) == ["none"]
        assert risks(judge, None) == ["security"]
        assert risks(judge, changed(judge, "spec", "failurePolicy", to="Ignore")) == ["security"]
        assert risks(judge, changed(judge, "spec", "matchConditions", to=[{"expression": "c"}])) == ["security"]
        bound = made(f"{group}:ValidatingAdmissionPolicyBinding", spec={"validationActions": ["Deny", "Audit"]})
        assert risks(bound, changed(bound, "spec", "validationActions", to=["Audit"])) == ["security"]
        space = made("core/v1:Namespace", metadata={"labels": {"pod-security.kubernetes.io/enforce": "baseline"}})
        label = ("metadata", "labels", "pod-security.kubernetes.io/enforce")
        assert risks(space, changed(space, *label, to="restricted")) == ["none"]
        assert risks(space, changed(space, *label, to="privileged")) == ["security"]
        assert risks(space, changed(space, *label, to=None)) == ["security"]


SAFE = {
    "securityContext": {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
}  # fmt: skip


class TestPodAccess:
    """What pods may do."""

    @pytest.mark.parametrize(
        ("path", "to", "said"),
        [
            ((*CONTAINER, "securityContext", "privileged"), True, "privileged"),
            ((*CONTAINER, "securityContext", "runAsNonRoot"), None, "root"),
            ((*CONTAINER, "securityContext", "capabilities", "add"), ["SYS_ADMIN"], "SYS_ADMIN"),
            ((*CONTAINER[:-2], "hostNetwork"), True, "namespace of its node"),
            ((*CONTAINER[:-2], "volumes"), [{"name": "node", "hostPath": {"path": "/"}}], "restrictedVolumes"),
            ((*CONTAINER[:-2], "automountServiceAccountToken"), True, "hold a token"),
            ((*CONTAINER[:-2], "serviceAccountName"), "admin", "the rights of admin"),
            ((*CONTAINER, "image"), "docker.io/web:1", "comes from docker.io"),
            ((*CONTAINER, "image"), "web", "comes from docker.io"),
            ((*CONTAINER, "env"), [{"name": "API_TOKEN", "value": "abc"}], "API_TOKEN of main stands in the manifest"),
        ],
    )
    def test_pods_that_may_more(self, path: tuple[str | int, ...], to: Any, said: str) -> None:
        """Beside the restart that it takes; the other way round it is no matter of security."""
        before = deployment(SAFE, spec={"automountServiceAccountToken": False})
        after = changed(before, *path, to=to)
        assert risks(before, after) == ["security", "rolling restart"]
        assert said in assess(before, after)[0].reason
        assert path[-1] in ("image", "serviceAccountName") or risks(after, before) == ["rolling restart"]

    def test_a_secret_that_becomes_a_literal(self) -> None:
        """Whatever it is called."""
        before = deployment({"env": [{"name": "DSN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]})
        after = deployment({"env": [{"name": "DSN", "value": "postgres://"}]})
        assert "DSN of main stands in the manifest as a literal; it was read from a Secret" in reasons(before, after)

    def test_another_order_of_containers_opens_nothing(self) -> None:
        """Containers are known by their names."""
        other = {"name": "other", "image": "registry.acme.test/other:1"}
        before = deployment(SAFE, spec={"automountServiceAccountToken": False})
        first = changed(before, *CONTAINER[:-1], to=[before.inputs["spec"]["template"]["spec"]["containers"][0], other])
        second = changed(before, *CONTAINER[:-1], to=first.inputs["spec"]["template"]["spec"]["containers"][::-1])
        assert assess(first, second) == ()

    def test_a_new_pod_that_reaches_its_node(self) -> None:
        """A new one that only is not restricted is the standards' matter."""
        assert risks(None, deployment()) == ["none"]
        assert risks(None, deployment({"securityContext": {"privileged": True}})) == ["security"]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {"blockPublicAcls": True}, {"blockPublicAcls": False}),
        ("aws:rds/instance:Instance", {}, {"publiclyAccessible": True}),
        ("aws:s3/bucketAcl:BucketAcl", {"acl": "private"}, {"acl": "public-read"}),
        ("aws:ec2/securityGroup:SecurityGroup", {"ingress": []}, {"ingress": [{"cidrBlocks": ["0.0.0.0/0"], "fromPort": 22}]}),
        ("aws:iam/policy:Policy", {"policy": "{}"}, {"policy": '{"Statement": {"Effect": "Allow", "Action": "*"}}'}),
        ("aws:s3/bucketPolicy:BucketPolicy", {}, {"policy": {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}}),
        ("aws:kms/key:Key", {"enableKeyRotation": True}, {"enableKeyRotation": False}),
        ("aws:ecr/repository:Repository", {"imageTagMutability": "IMMUTABLE"}, {"imageTagMutability": "MUTABLE"}),
    ],
)  # fmt: skip
def test_a_cloud_that_opens(kind: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """And the other way round it does not."""
    old, new = Resource("it", kind, before), Resource("it", kind, after)
    assert risks(old, new)[0] == "security"
    assert "security" not in risks(new, old)


def test_values_known_at_up_are_compared_by_what_they_are_outputs_of() -> None:
    """An unknown value instead of a known one is a change; the same unknown one is none."""
    ours, same, other = Ref("a", "metadata.name"), Ref("a", "metadata.name"), Ref("b", "metadata.name")
    assert assess(deployment({"image": ours}), deployment({"image": same})) == ()
    assert assess(deployment({"image": Given(1)}), deployment({"image": Given(2)})) == ()
    assert "from known at up (a.metadata.name) to known at up (b.metadata.name)" in reasons(
        deployment({"image": ours}), deployment({"image": other})
    )
    assert risks(deployment(), deployment({"image": Given(1)})) == ["rolling restart"]
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        later: dict[str, Any] = {
            "replicas": Given(1),
            "strategy": Given(1),
            "updateStrategy": {"type": Given(1)},
            "paused": ours,
        }
        before = workload(f"apps/v1:{kind}", **later)
        assert risks(before, changed(before, *CONTAINER, "image", to="registry.acme.test/web:2")) == ["rolling restart"]


FACTS = {*KEEPS, *SERVES, *NEEDED, *OPENS, *SHUTS}


@pytest.mark.parametrize(
    "resource", [each for each in samples() if each.type in FACTS], ids=lambda each: str(each.type)
)
def test_a_value_known_at_up_may_stand_anywhere(resource: Resource) -> None:
    """In place of each field, on either side, also where its pods change: a text instead of an error."""
    pods = POD_SPECS.get(resource.type)
    other = changed(resource, *pods, "containers", 0, "image", to="registry.acme.test/other:1") if pods else resource
    for path in places(resource.inputs):
        unknown = changed(resource, *path, to=Ref("other", "metadata.name"))
        for before, after in ((other, unknown), (unknown, other)):
            assert assess(before, after), path
        cost_of([unknown], acme())


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every field of a value, of those with others below them too."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


@settings(deadline=None)
@given(RESOURCES)
def test_the_same_twice_is_no_change(resource: Resource) -> None:
    """Whatever its shape."""
    assert assess(resource, copy.deepcopy(resource)) == ()
    assert step_of(resource, copy.deepcopy(resource)).step is Step.SAME


@settings(max_examples=150, deadline=None)
@given(RESOURCES.flatmap(lambda resource: st.tuples(st.just(resource), mutated(resource))), st.booleans())
def test_any_change_has_an_answer(pair: tuple[Resource, Resource], whole: bool) -> None:
    """Never an error, never an empty reason; the worst first; None where one side is missing."""
    for before, after in (pair, pair[::-1], (None, pair[1]), (pair[1], None)):
        found = assess(before, after, whole=whole)
        assert bool(found) == (step_of(before, after).step is not Step.SAME)
        assert all(each.reason for each in found)
        severities = [each.risk.severity for each in found]
        assert severities == sorted(severities, reverse=True)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_changes_that_the_real_engine_makes(case: Case) -> None:
    """The table of e2e/cluster/test_risk.py: its classes are those that are told."""
    assert tuple(dict.fromkeys(each.risk for each in assess(case.before, case.after))) == case.risks


def test_the_documentation_has_every_class_and_every_kind() -> None:
    """In the order of their severity; and each kind beside the facts that are told of it."""
    page = (ROOT / "docs/risk.md").read_text()
    assert re.findall(r"^\| `([a-z ]+)` \|", page, re.MULTILINE) == [str(risk) for risk in Risk]
    tables = {"keeps": KEEPS, "serves": SERVES, "needs": NEEDED, "opens": OPENS, "shuts": SHUTS}
    for name, table in tables.items():
        row = re.search(rf"^\| {name} \|[^|]*\| ([^|]*) \|", page, re.MULTILINE)
        assert row
        kinds = {token.rpartition(":")[2] for token in table if token.startswith("kubernetes:")}
        assert row[1].partition("; of AWS")[0].split(", ") == sorted(kinds, key=str.lower), name
        assert ("; of AWS" in row[1]) is any(token.startswith("aws:") for token in table)
