"""The components from another language: a Pulumi YAML program and the component plugin."""

import json
from collections.abc import Callable, Mapping

import pytest
import yaml
from spine import ROOT, Checkout

from handrail.components._fact import OUTPUT
from handrail.engine import Engine, install

pytestmark = pytest.mark.engine
PLUGIN = ROOT / "components"
COMPONENTS = {"ScalableService", "GpuInferenceEndpoint", "NotebookEnv", "BatchJob", "TeamWorkspace"}
# in the spelling of each component's schema: camelCase, and the user's own keys as they are
RESOURCES = {
    "api": ("ScalableService", {"image": "registry.acme.test/api:1", "port": 8080, "scale": {"min": 2, "max": 4, "cpu": "70%"},
                                "env": {"LOG_level": "info"}, "objective": {"availability": "99.9%", "latencyP99": "250ms"}}),
    "scorer": ("GpuInferenceEndpoint", {"image": "registry.acme.test/scorer:1", "model": "models:/m/1", "accelerator": "l4",
                                        "modelSize": "2GiB", "callers": ["fraud/api"]}),
    "explore": ("NotebookEnv", {"image": "registry.acme.test/science:1", "size": "medium", "idleStop": "2h"}),
    "train": ("BatchJob", {"image": "registry.acme.test/science:1", "notebook": "a.ipynb", "schedule": "0 2 * * *", "parallel": 3}),
    "fraud": ("TeamWorkspace", {"owner": "fraud"}),
}  # fmt: skip
CONFIG = "config: {handrail:organisation: ./organisation, handrail:team: fraud, handrail:environment: dev}\n"
BACKEND = "backend: {url: 'file://.state?create_dir=true'}\n"
ORGANISATION = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()


@pytest.fixture(scope="module")
def team(project: Callable[..., Checkout], engine: Engine) -> Callable[[str], Checkout]:
    """Makes a project of the fraud team's, in YAML or in Python, with the YAML language host on PATH."""
    install(yaml=True)

    def make(program: str, **files: str) -> Checkout:
        found = project(
            {"Pulumi.yaml": program, "Pulumi.dev.yaml": CONFIG, "organisation/organisation.yaml": ORGANISATION, **files}
        )
        found = Checkout(found.root, engine.environment(found.environment))
        found.pulumi("stack", "init", "dev", "--no-select")
        return found

    return make


def in_yaml(resources: Mapping[str, tuple[str, object]]) -> str:
    """A Pulumi YAML program."""
    made = {name: {"type": f"handrail:{kind}", "properties": given} for name, (kind, given) in resources.items()}
    head = {"name": "team", "runtime": "yaml", "packages": {"handrail": str(PLUGIN)}}
    return yaml.safe_dump({**head, "resources": made, "outputs": {"url": "${api.url}"}}) + BACKEND


def in_python(resources: Mapping[str, tuple[str, object]]) -> str:
    """The same program in Python."""
    text = json.dumps({name: given for name, (_, given) in resources.items()})
    for camel, snake in (("modelSize", "model_size"), ("latencyP99", "latency_p99"), ("idleStop", "idle_stop")):
        text = text.replace(f'"{camel}"', f'"{snake}"')
    kinds = ", ".join(sorted({kind for kind, _ in resources.values()}))
    lines = [f'{kind}("{name}", args["{name}"])' for name, (kind, _) in resources.items()]
    return (
        f"import json\nfrom handrail.components import {kinds}\nargs = json.loads('''{text}''')\n"
        + "\n".join(lines)
        + "\n"
    )


def test_the_schema_has_every_component_with_its_docs(team: Callable[..., Checkout]) -> None:
    """Each of the five, each argument described, outputs too."""
    schema = json.loads(team(in_yaml(RESOURCES)).run("pulumi", "package", "get-schema", PLUGIN).stdout)
    resources = {token.rpartition(":")[2]: found for token, found in schema["resources"].items()}
    assert resources.keys() >= COMPONENTS
    for name in COMPONENTS:
        assert resources[name]["isComponent"]
        undocumented = [
            word for side in ("inputProperties", "properties") for word, found in resources[name].get(side, {}).items()
            if not found.get("description")
        ]  # fmt: skip
        assert (name, undocumented) == (name, [])
    for token, found in schema["types"].items():
        assert [(token, word) for word, each in found["properties"].items() if not each.get("description")] == []


def test_a_yaml_program_deploys_each_component_as_a_python_program_does(team: Callable[..., Checkout]) -> None:
    """File by file; a relative organisation path means the same from both sides; a second time changes nothing."""
    there = team(in_yaml(RESOURCES))
    here = team(
        "name: team\nruntime: {name: python, options: {virtualenv: .venv}}\n" + BACKEND,
        **{"__main__.py": in_python(RESOURCES)},
    )
    for each in (there, here):
        each.pulumi("up", "--yes", "--stack", "dev")
    assert there.manifests("dev") == here.manifests("dev")
    assert len(there.manifests("dev")) > 40
    exported = [json.loads(each.pulumi("stack", "output", "--json", "--stack", "dev").stdout) for each in (there, here)]
    # the plugin is told of no stack that it could export to
    assert [sorted(each.get(OUTPUT, ())) for each in exported] == [[], ["api", "explore", "scorer", "train"]]
    there.pulumi("up", "--yes", "--stack", "dev", "--expect-no-changes")


def test_a_mistake_is_a_message_there_as_well(team: Callable[..., Checkout]) -> None:
    """No traceback."""
    wrong = {"api": ("ScalableService", {"image": "registry.acme.test/api:1", "port": 99999})}
    done = team(in_yaml(wrong)).pulumi("preview", "--stack", "dev", ok=False)
    said = done.stdout + done.stderr
    assert "api.port: must be less than or equal to 65535" in said
    assert "given:   99999" in said
    assert "Traceback" not in said
    assert "__init__.py" not in said


def test_a_misspelt_argument_is_caught_by_the_callers_own_check(team: Callable[..., Checkout]) -> None:
    """It must be: the SDK drops an unknown key before a component sees it."""
    wrong = {"api": ("ScalableService", {"image": "registry.acme.test/api:1", "port": 80, "prot": 80})}
    done = team(in_yaml(wrong)).pulumi("preview", "--stack", "dev", ok=False)
    assert done.returncode != 0
    assert "Property prot does not exist on 'handrail:index:ScalableService'" in done.stdout + done.stderr
