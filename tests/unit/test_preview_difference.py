"""What differs between two resources, field by field."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.resources import Given, Ref, Resource
from handrail.preview.difference import difference
from handrail.preview.report import FieldChange

POD: dict[str, Any] = {
    "metadata": {"name": "a", "labels": {"handrail.dev/contract": "1", "app": "a"}},
    "spec": {
        "containers": [
            {"name": "app", "image": "r/a:1", "args": ["-v", "-x"],
             "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
             "ports": [{"name": "http", "containerPort": 80}]},
            {"name": "proxy", "image": "r/p:1"},
        ],
        "volumes": [{"name": "data", "emptyDir": {}}],
    },
}  # fmt: skip
POLICY: dict[str, Any] = {
    "spec": {
        "egress": [
            {"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 5432}]},
            {"ports": [{"port": 53}]},
        ]
    }
}
SECRET = "kubernetes:core/v1:Secret"


def changed(
    before: Any, change: Any, token: str = "kubernetes:core/v1:Pod"
) -> list[tuple[str, str | None, str | None]]:
    """The differences after `change` was done to a copy."""
    after = copy.deepcopy(before)
    change(after)
    found = difference(Resource("a", token, before), Resource("a", token, after))
    return [(each.path, each.before, each.after) for each in found.fields]


def containers(pod: Any) -> Any:
    """A pod's containers."""
    return pod["spec"]["containers"]


def test_items_are_known_by_their_names() -> None:
    """So that one more before the others is one more, and no change of all."""
    assert changed(POD, lambda pod: containers(pod)[0].update(image="r/a:2")) == [
        ("spec.containers[app].image", "r/a:1", "r/a:2")
    ]
    assert changed(POD, lambda pod: containers(pod)[0]["env"].insert(0, {"name": "C", "value": "3"})) == [
        ("spec.containers[app].env[C].value", None, "3"),
    ]
    assert changed(POD, lambda pod: pod["spec"].pop("volumes")) == [
        ("spec.volumes[data].emptyDir", "{}", None),
    ]


def test_another_order_is_told_as_that() -> None:
    """Of named items, and of items without a name; of plain texts it counts, and both are shown."""
    assert changed(POD, lambda pod: containers(pod).reverse()) == [
        ("spec.containers (their order)", "app, proxy", "proxy, app")
    ]
    assert changed(POLICY, lambda policy: policy["spec"]["egress"].reverse()) == [
        ("spec.egress (their order)", "2 items", "the same in another order")
    ]
    assert changed(POD, lambda pod: containers(pod)[0]["args"].reverse()) == [
        ("spec.containers[app].args", '["-v", "-x"]', '["-x", "-v"]')
    ]


def test_items_without_names_are_known_by_what_they_hold() -> None:
    """A rule that is new is new, wherever it stands; one that changed is compared with what it was."""
    new = {"ports": [{"port": 443}]}
    assert changed(POLICY, lambda policy: policy["spec"]["egress"].insert(0, new)) == [
        ("spec.egress[]", None, '{"ports": [{"port": 443}]}')
    ]
    assert changed(POLICY, lambda policy: policy["spec"]["egress"][0]["ports"][0].update(port=5433)) == [
        ("spec.egress[0].ports[0].port", "5432", "5433")
    ]


def test_the_contracts_version_is_noise() -> None:
    """And counted, as other labels are not."""
    after = copy.deepcopy(POD)
    after["metadata"]["labels"] |= {"handrail.dev/contract": "2", "app": "b"}
    found = difference(Resource("a", "t", POD), Resource("a", "t", after))
    assert (found.noise, found.fields) == (1, (FieldChange(path="metadata.labels.app", before="a", after="b"),))


def test_what_is_known_only_at_up() -> None:
    """Differs from nothing else that is not known, and from everything that is."""
    before = {"a": Given(None), "b": Ref("x", "id"), "c": Given(None), "d": [Given(None)]}
    after = {"a": Given(None), "b": Ref("y", "id"), "c": "now known", "d": [Given(None)]}
    found = difference(Resource("a", "t", before), Resource("a", "t", after))
    assert [(each.path, each.before, each.after) for each in found.fields] == [
        ("b", "known at up: x.id", "known at up: y.id"),
        ("c", "known at up", "now known"),
    ]


def test_a_secrets_values_are_not_shown() -> None:
    """Neither of them, nor one that is new."""
    before = {"stringData": {"a": "hunter2", "b": "x"}, "type": "Opaque"}
    found = changed(before, lambda data: data["stringData"].update(a="hunter3", c="hunter4"), SECRET)
    assert found == [("stringData.a", "(secret)", "(secret)"), ("stringData.c", None, "(secret)")]


def test_of_long_texts_the_first_line_that_differs() -> None:
    """As of a dashboard."""
    before = {"data": {"dashboard": "\n".join(f"line {number}" for number in range(100))}}
    found = changed(
        before, lambda data: data["data"].update(dashboard=before["data"]["dashboard"].replace("line 7\n", "!\n"))
    )
    assert found == [("data.dashboard", "line 7", "!")]
    long = {"data": {"a": "x" * 500 + "y" + "z" * 500}}
    ((_, old, new),) = changed(long, lambda data: data["data"].update(a="x" * 500 + "Y" + "z" * 500))
    assert old and new and "xy" in old and "xY" in new and len(old) < 200


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "b"]), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from("ab"), PLAIN, max_size=2), st.dictionaries(st.sampled_from("ab"), PLAIN, max_size=2)
)
def test_nothing_differs_exactly_where_nothing_was_changed(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Nothing of what anybody writes is lost, nor made up."""
    found = difference(Resource("a", "t", before), Resource("a", "t", after)).fields
    assert bool(found) == (repr(before) != repr(after)) or _same_but_for_order_of_keys(before, after)


def _same_but_for_order_of_keys(before: Any, after: Any) -> bool:
    import json

    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


@pytest.mark.parametrize("value", ["x" * 10_000, {"a": "y" * 10_000}, ["z" * 5000]])
def test_every_text_is_within_its_bound(value: Any) -> None:
    """However long what differs is."""
    (field,) = difference(Resource("a", "t", {}), Resource("a", "t", {"k" * 400: value})).fields
    assert len(field.path) <= 300
    assert field.after and len(field.after) <= 300
