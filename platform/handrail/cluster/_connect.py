"""The cluster of a kubeconfig context, which organisation.yaml names."""

from __future__ import annotations

from functools import cache
from typing import Any

from handrail.core.errors import HandrailError, Problem


@cache
def connect(name: str) -> Any:
    """The Kubernetes client of a context, kept for as long as the command runs.

    Raises:
        HandrailError: kubeconfig has no such context, or cannot be read.
    """
    from kubernetes import client, config
    from yaml import YAMLError

    settings: Any = client.Configuration()
    settings.retries = False  # a cluster that does not answer is said at once
    try:
        return config.new_client_from_config(context=name, client_configuration=settings)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError, ValueError, YAMLError) as error:
        raise HandrailError(
            Problem(
                f"kubeconfig has no context {name} that can be used: {error}",
                remedy="sign in to the cluster, so that `kubectl config get-contexts` shows it",
            )
        ) from None
