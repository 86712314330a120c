"""A pytest fixture: a real Kubernetes control plane, with the nodes, kinds and storage of the project's organisation.

from handrail.testing.cluster import cluster

def test_it_is_admitted(cluster):
    assert cluster.api.request("POST", "/api/v1/namespaces", manifest)[0] == 201
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handrail.cluster.local import contexts, furnish, organisation_of
from handrail.core.project import Project
from handrail.engine import control_plane
from handrail.engine.control_plane import ControlPlane

__all__ = ["ControlPlane", "cluster"]


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of the test session's own, built once per machine; it ends with the session, however that ends.

    `cluster.kubeconfig` is the administrator's: KUBECONFIG of whatever deploys to it. Nodes run no containers: what a
    kubelet or a network plug-in decides does not happen here.
    """
    control_plane.install()
    organisation = organisation_of(Project.find(request.config.rootpath))
    running = ControlPlane.start(tmp_path_factory.mktemp("cluster"), contexts(organisation) if organisation else ())
    try:
        if organisation:
            furnish(running.api, organisation)
        yield running
    finally:
        running.stop()
