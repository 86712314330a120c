"""What stands beside the stable release, and how it is told from it: canaries, older API versions."""

from __future__ import annotations

import json

from live_objects import IMAGE, beside, deployed, row, said, status, wait

from handrail.cluster import status_text
from handrail.cluster._model import State


def test_a_canary_is_told_from_the_stable_release() -> None:
    """Replicas of the stable release alone; the share of each; in everybody's words."""
    shown = row("checkout", beside(deployed("checkout")))
    assert (shown.state, shown.ready, shown.wanted, shown.version, shown.traffic) == (State.LIVE, 2, 2, "2.7.1", 100)
    (canary,) = shown.tracks
    assert (canary.name, canary.version, canary.ready, canary.wanted, canary.share) == ("canary", "2.8.0", 2, 2, 10)
    assert "90% 2.7.1, 10% 2.8.0 (canary)" in said(status(shown), "app-developer")
    assert "version 2.7.1, and version 2.8.0 on trial with 10% of it." in said(status(shown), "product-manager")
    facts = json.loads(status_text.dumps([status(shown)]))[0]["workloads"][0]
    assert (facts["share"], facts["tracks"][0]["share"]) == (90, 10)


def test_without_a_route_a_canarys_share_is_that_of_its_replicas() -> None:
    """Those that answer, beside the stable release's; none while it is dark."""
    half = row("refunds", beside(deployed("refunds")))
    assert [track.share for track in half.tracks] == [66.7]
    assert "33.3% 0.9.3, 66.7% 2.8.0 (canary)" in said(status(half), "app-developer")
    (dark,) = row("refunds", beside(deployed("refunds"), "refunds", weight=0)).tracks
    assert dark.share == 0


def test_a_canary_that_fails_is_reported_with_what_to_do() -> None:
    """Its requests can be taken away by one command; the stable release's own trouble comes first."""
    found = beside(deployed("checkout"), ready=0)
    wait(found["Pod"][-1], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.8.0": not found')
    shown = row("checkout", found)
    assert (shown.state, shown.well, shown.ready) == (State.DEGRADED, False, 2)
    assert shown.failure and shown.failure.track == "canary"
    assert shown.failure.message == f"canary 2.8.0: {IMAGE}:2.8.0 is not in the registry"
    assert shown.failure.remedy.endswith("`handrail promote checkout --to dev --weight 0`")
    text = said(status(shown), "product-manager")
    assert "; but the trial of the next version has trouble: its version cannot be found." in text
    wait(found["Pod"][0], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.7.1": not found')
    found["Deployment"][0]["status"]["readyReplicas"] = 1
    other = row("checkout", found).failure
    assert other and not other.track


def test_a_dark_canary_that_fails_harms_nobody() -> None:
    """It is told, and the workload is as live as before."""
    found = beside(deployed("checkout"), ready=0, weight=0)
    wait(found["Pod"][-1], "ImagePullBackOff", f'Back-off pulling image "{IMAGE}:2.8.0": not found')
    shown = row("checkout", found)
    assert (shown.state, shown.share) == (State.LIVE, 100)
    assert shown.failure and "--weight 0" not in shown.failure.remedy
    assert "canary 2.8.0" in said(status(shown), "app-developer")


def test_an_older_version_stands_beside_with_callers_of_its_own() -> None:
    """It has no share of the current one's requests."""
    shown = row("checkout", beside(deployed("checkout"), track="v1"))
    assert (shown.share, [track.share for track in shown.tracks]) == (None, [None])
    assert "2.7.1, 2.8.0 (v1)" in said(status(shown), "app-developer")
    assert "v1 of its API still served" in said(status(shown), "product-manager")
