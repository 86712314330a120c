"""What Pulumi's component host does wrong with outputs, under the real engine: our plugin says so instead."""

from collections.abc import Callable

import pytest
import yaml
from spine import ROOT, Checkout

from handrail.engine import Engine, install

pytestmark = pytest.mark.engine
CONFIG = "config: {handrail:organisation: ./organisation, handrail:team: fraud, handrail:environment: dev}\n"
ORGANISATION = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()
LOST = {"image": "r/api:1", "port": 80, "scale": {"min": 3, "max": {"fn::secret": 70917}}}


def test_an_output_in_nested_arguments_is_refused(project: Callable[..., Checkout], engine: Engine) -> None:
    """The host would give the component none of them: no error, and two replicas in place of three."""
    install(yaml=True)
    program = {
        "name": "team", "runtime": "yaml", "packages": {"handrail": str(ROOT / "components")},
        "backend": {"url": "file://.state?create_dir=true"},
        "resources": {"api": {"type": "handrail:ScalableService", "properties": LOST}},
    }  # fmt: skip
    organisation = {"organisation/organisation.yaml": ORGANISATION}
    team = project({"Pulumi.yaml": yaml.safe_dump(program), "Pulumi.dev.yaml": CONFIG, **organisation})
    team = Checkout(team.root, engine.environment(team.environment))
    team.pulumi("stack", "init", "dev", "--no-select")
    done = team.pulumi("preview", "--stack", "dev", ok=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "resource 'api' has a problem: scale.max: must be known when the program runs" in said
    assert "70917" not in said  # as it would be in an error that names the property
    assert "Traceback" not in said
    assert "component.py" not in said
