"""What changes of a workload, in one sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.preview.report import MOST_TEXT, Change, FieldChange, ResourceChange
from handrail.preview.sentence import of_gone, of_new, sentence, settings_changed

DIGEST = "sha256:" + "a" * 64


def said(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The sentence of two sets of settings."""
    return sentence("web", "app-developer", settings_changed(before, after), [])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"image": "r.test/a/web:1"}, {"image": "r.test/a/web:2"}, "image 1 → 2"),
        ({"image": "r.test:5000/web:1"}, {"image": "r.test:5000/other:1"}, "image r.test:5000/web:1 → r.test:5000/other:1"),
        ({"image": "r.test/web:1"}, {"image": f"r.test/web@{DIGEST}"}, f"image 1 → {DIGEST[:19]}…"),
        ({"scale.max": 20, "port": 1}, {"scale.max": 30, "port": 1}, "most replicas 20 → 30"),
        ({"scale.max": None}, {"scale.max": 5}, "adds most replicas 5"),
        ({"health": "/h"}, {"health": None}, "drops health check /h"),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"A": "3", "C": "4"}}, "env A 1 → 3, drops env B 2, adds env C 4"),
        ({"calls": ["a", "b"]}, {"calls": ["b", "c"]}, "calls +c -a"),
        ({"calls": ["a", "b"]}, {"calls": ["b", "a"]}, "calls in another order"),
        ({"calls": []}, {"calls": ["a", "b"]}, "adds calls a, b"),
        ({"data_classification": "internal"}, {"data_classification": "public"}, "data classification internal → public"),
        ({f"s{i}": 1 for i in range(9)}, {f"s{i}": 2 for i in range(9)}, "s0 1 → 2, s1 1 → 2, s2 1 → 2, s3 1 → 2, s4 1 → 2, s5 1 → 2, 3 more"),
    ],
)  # fmt: skip
def test_settings_in_words(before: dict[str, Any], after: dict[str, Any], expected: str) -> None:
    """As people speak of them; of versions of one thing, the versions; of lists, what came and what went."""
    assert said(before, after) == expected


def change(kind: str, name: str, what: Change = Change.UPDATE, *fields: FieldChange) -> ResourceChange:
    """A change of a resource."""
    return ResourceChange(type=f"kubernetes:apps/v1:{kind}", name=name, change=what, fields=fields)


def test_a_change_of_the_platforms() -> None:
    """Has no setting: it is told by what the workload is made of, in the persona's words or in Kubernetes'."""
    changes = [
        change("NetworkPolicy", "web-network-policy"), change("ConfigMap", "web-dashboard"), change("Other", "web-other"),
        change("PodMonitor", "web-pod-monitor", Change.CREATE), change("Alerts", "web-alerts", Change.DELETE),
    ]  # fmt: skip
    expected = "adds metrics, changes network access, dashboard and 1 more, removes alerts"
    assert sentence("web", "app-developer", [], changes) == expected
    expected = "adds PodMonitor, changes NetworkPolicy, ConfigMap and Other, removes Alerts"
    assert sentence("web", "platform-engineer", [], changes) == expected


def test_a_program_of_its_own() -> None:
    """Has no settings: the fields that people know are spoken of."""
    image = FieldChange(path="spec.template.spec.containers[app].image", before="r/a:1", after="r/a:2")
    most = FieldChange(path="spec.maxReplicas", before="1", after="3")
    env = FieldChange(path="spec.template.spec.containers[app].env[LOG].value", after="debug")
    changes = [change("Deployment", "web", Change.UPDATE, image, env), change("HPA", "web-a", Change.UPDATE, most)]
    assert sentence("web", "", [], changes) == "image 1 → 2, adds env LOG debug, most replicas 1 → 3"


def test_what_comes_and_what_goes() -> None:
    """With what it is and how much that is; and a contract's version alone."""
    assert of_new({"image": "r/a:1", "port": 80, "env": {}}, 9) == "new: image r/a:1, port 80, 9 resources"
    assert of_gone(1) == "removed, with its 1 resource"
    assert sentence("web", "", [], [], noise=14) == "the version of the contract on 14 resources"


VALUES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SETTINGS = st.dictionaries(st.sampled_from(["image", "env", "calls", "scale.max", "x"]) | st.text(), VALUES, max_size=6)


@given(SETTINGS, SETTINGS)
def test_whatever_is_written_is_one_bounded_sentence(before: dict[str, Any], after: dict[str, Any]) -> None:
    """And nothing that was not changed is told."""
    assert 0 < len(said(before, after)) <= MOST_TEXT
    assert settings_changed(before, before) == []
    assert len(of_new(after, 3)) <= MOST_TEXT
