"""The component plugin does not have the credentials that the engine has for itself and its providers."""

import json
from collections.abc import Callable

import pytest
import yaml
from spine import ROOT, Checkout

from handrail.engine import Engine, install

pytestmark = pytest.mark.engine
CANARY = "canary-8d20c4"
VARIABLES = (
    "AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "DATABASE_PASSWORD", "GITHUB_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS",
    "KUBECONFIG", "NETRC", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "SSH_AUTH_SOCK", "VAULT_TOKEN", "ALL_PROXY",
)  # fmt: skip
# runs first in every Python process, and tells what the plugin has when it imports the first component
SPY = """
import json, os, sys
from pathlib import Path

def tell(event, arguments):
    if event == "import" and arguments[0] == "handrail.components._component":
        descriptors = {name: os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")
                       if os.path.lexists(f"/proc/self/fd/{name}")}
        found = {"variables": dict(os.environ), "block": Path("/proc/self/environ").read_bytes().decode(),
                 "arguments": sys.orig_argv, "descriptors": descriptors}
        Path(__file__).with_name("seen.json").write_text(json.dumps(found))

sys.addaudithook(tell)
"""
PROGRAM = {
    "name": "team",
    "runtime": "yaml",
    "packages": {"handrail": str(ROOT / "components")},
    "backend": {"url": "file://.state?create_dir=true"},
    "config": {"password": {"type": "string"}},
    "resources": {
        "api": {"type": "handrail:ScalableService", "properties": {"image": "registry.acme.test/api:1", "port": 8080}},
    },
}
CONFIG = "config: {handrail:organisation: ./organisation, handrail:team: fraud, handrail:environment: dev}\n"
KEPT = {
    "HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "PATH",
    "PULUMI_HOME",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
}


@pytest.fixture(scope="module")
def seen(
    project: Callable[..., Checkout], engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """What the plugin had, of an engine with credentials."""
    install(yaml=True)
    organisation = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()
    made = project(
        {
            "Pulumi.yaml": yaml.safe_dump(PROGRAM),
            "Pulumi.dev.yaml": CONFIG,
            "organisation/organisation.yaml": organisation,
        }
    )
    spy = tmp_path_factory.mktemp("spy")
    (spy / "sitecustomize.py").write_text(SPY)
    given = dict.fromkeys(VARIABLES, CANARY) | {"PYTHONPATH": str(spy)}
    made = Checkout(made.root, engine.environment(made.environment | given))
    made.pulumi("stack", "init", "dev", "--no-select")
    made.pulumi("config", "set", "--secret", "--stack", "dev", "password", CANARY)
    made.pulumi("preview", "--stack", "dev")
    found: dict[str, object] = json.loads((spy / "seen.json").read_text())
    return found


def test_the_plugin_has_no_credential(seen: dict[str, object]) -> None:
    """Neither as Python has the variables, nor in the block that the process was started with."""
    assert CANARY not in json.dumps(seen)
    variables = seen["variables"]
    assert isinstance(variables, dict)
    assert {name for name in variables if not name.startswith(("HANDRAIL_", "LC_", "PULUMI_", "PYTHON"))} <= KEPT
