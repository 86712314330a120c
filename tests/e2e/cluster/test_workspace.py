"""An environment whose platform stack was never deployed; last of all, since the provider takes a minute to give up."""

import subprocess

import pytest

pytestmark = pytest.mark.engine


def test_a_missing_workspace_says_what_to_do(without_workspace: subprocess.Popen[str]) -> None:
    """The namespace is the platform stack's to make."""
    out, said = without_workspace.communicate(timeout=120)
    assert without_workspace.returncode == 1
    assert 'namespaces "assist-lab" not found' in out + said
    assert "deploy the environment's platform stack first" in said
