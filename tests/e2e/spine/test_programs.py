"""Components in a team's own program, and a team's own repository."""

import re
from collections.abc import Callable

import pytest
import yaml
from spine import ROOT, Checkout

pytestmark = pytest.mark.engine

ORGANISATION = {
    "organisation/organisation.yaml": (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text(),
}
PROJECT = "name: team\nruntime: {name: python, options: {virtualenv: .venv}}\nbackend: {url: 'file://.state?create_dir=true'}\n"
CONFIG = "config: {handrail:organisation: ./organisation, handrail:team: payments, handrail:environment: dev}\n"
CANARY = "canary-5f3a9c"


def program(text: str) -> dict[str, str]:
    """The files of a team's project with this program."""
    return {"Pulumi.yaml": PROJECT, "Pulumi.dev.yaml": CONFIG, "__main__.py": text, **ORGANISATION}


def test_a_component_in_a_program(project: Callable[..., Checkout]) -> None:
    """The same words in Python; its address is known at preview; `handrail preview` records the program."""
    team = project(
        program(
            "import pulumi\nfrom handrail.components import ScalableService\n"
            'checkout = ScalableService("checkout", {"image": "registry.acme.test/x:1", "port": 8080,\n'
            '                           "api": {"version": "v2"}, "scale": {"min": 2, "max": 20, "cpu": "70%"}})\n'
            'pulumi.export("url", checkout.url)\n'
        )
    )
    shown = team.handrail("preview", "dev").stdout
    assert "checkout  ScalableService" in shown
    assert "1 component, 11 resources; complete" in shown
    assert "https://checkout-payments-dev.dev.acme.test/v2" in team.handrail("preview", "--engine", "dev").stdout
    team.handrail("up", "--yes", "dev")
    assert len(team.manifests("dev")) == 10


def test_a_given_image_is_resolved_at_up(project: Callable[..., Checkout]) -> None:
    """An output of another resource goes through the plan as a token and arrives as its value."""
    team = project(
        program(
            "import pulumi\nfrom handrail.components import ScalableService\n"
            'image = pulumi.Output.concat("registry.acme.test/", "x:1")\n'
            'ScalableService("checkout", {"image": image, "port": 8080})\n'
        )
    )
    team.handrail("up", "--yes", "dev")
    deployment = team.manifests("dev")["1-manifest/apps_v1-deployment-payments-dev-checkout.yaml"]
    assert yaml.safe_load(deployment)["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.acme.test/x:1"


PINNED = {
    "organisation/organisation.yaml": re.sub(
        r"images-by-digest: .*",
        "images-by-digest: {tiers: [development]}",
        ORGANISATION["organisation/organisation.yaml"],
    )
}
LATER = """\
import pulumi
from handrail.components import ScalableService
from handrail.engine import provider_version

version = pulumi.ResourceOptions(version=provider_version())
provider = pulumi.ProviderResource("kubernetes", "other", {"renderYamlToDirectory": "elsewhere"}, version)
manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "built"}}
other = pulumi.ResourceOptions(provider=provider, version=provider_version())
built = pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "built", manifest, other)
ScalableService("checkout", {"image": built.id.apply(lambda _: "registry.acme.test/x:1END"), "port": 8080})
"""


@pytest.mark.parametrize("end", ["", f"@sha256:{'0' * 64}"], ids=["violation", "compliant"])
def test_what_is_unknown_is_decided_at_up(end: str, project: Callable[..., Checkout]) -> None:
    """A preview says that it cannot tell; `up` judges the value, and registers no Deployment that breaks a standard."""
    team = project({**program(LATER.replace("END", end)), **PINNED})
    said = team.handrail("preview", "--engine", "dev").stdout
    assert "decided at up, when spec.template.spec.containers[0].image is known (images-by-digest" in said
    done = team.handrail("up", "--yes", "dev", ok=False)
    kinds = {each["type"] for each in team.state("dev")}
    assert ("kubernetes:apps/v1:Deployment" in kinds) is bool(end)
    assert done.returncode == (0 if end else 1), done.stderr
    if not end:
        assert "no digest in registry.acme.test/x:1 (images-by-digest, required)" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_a_secret_is_refused_on_a_render_cluster(project: Callable[..., Checkout]) -> None:
    """Already at preview, and at up; the canary is in no file and in no state."""
    team = project(
        program(
            "import pulumi\nfrom handrail.components import ScalableService\n"
            f'secret = pulumi.Output.secret("{CANARY}")\n'
            'ScalableService("checkout", {"image": "registry.acme.test/x:1", "port": 8080, "env": {"PASSWORD": secret}})\n'
        )
    )
    team.pulumi("stack", "init", "dev", "--no-select")
    for command in (["preview"], ["up", "--yes"]):
        done = team.pulumi(*command, "--stack", "dev", ok=False)
        output = done.stdout + done.stderr
        assert done.returncode != 0
        assert "checkout: a Pulumi secret would be written in plain text into rendered" in output
        assert "put it into the organisation's secret store" in output
        assert "Traceback" not in output
        assert CANARY not in output
    assert "apps_v1-deployment" not in "".join(team.manifests("dev"))
    for folder in (".state", "rendered"):
        for file in (team.root / folder).rglob("*"):
            assert not file.is_file() or CANARY.encode() not in file.read_bytes()


def test_a_mistake_in_arguments_is_a_message(project: Callable[..., Checkout]) -> None:
    """All problems at once, nothing registered, no traceback; the recorder says the same."""
    team = project(
        program(
            "from handrail.components import ScalableService\n"
            'ScalableService("checkout", {"image": "x", "prot": 8080, "scale": {"min": 3, "max": 1}})\n'
        )
    )
    team.pulumi("stack", "init", "dev", "--no-select")
    engine = team.pulumi("preview", "--stack", "dev", ok=False)
    recorded = team.handrail("preview", "dev", ok=False)
    assert recorded.returncode == 1
    for output in (engine.stdout + engine.stderr, recorded.stdout + recorded.stderr):
        assert "checkout.prot: is no word that may stand here" in output
        assert "did you mean port?" in output
        assert "checkout.scale: max (1) is less than min (3)" in output
        assert "Traceback" not in output


def test_missing_config_shows_the_lines_to_add(project: Callable[..., Checkout]) -> None:
    """At the engine's door as well."""
    files = program("from handrail.personas import deploy\n\ndeploy()\n") | {"Pulumi.dev.yaml": "config: {}\n"}
    team = project(files)
    team.pulumi("stack", "init", "dev", "--no-select")
    done = team.pulumi("preview", "--stack", "dev", ok=False)
    assert "handrail:organisation: ./organisation" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_repository_of_a_teams_own(project: Callable[..., Checkout]) -> None:
    """Pulumi.yaml, a three-line program, workloads.yaml, and the organisation as an installed package."""
    team = project(
        {
            "Pulumi.yaml": PROJECT,
            "Pulumi.payments-dev.yaml": CONFIG.replace("./organisation", "acme_platform"),
            "__main__.py": "from handrail.personas import deploy\n\ndeploy()\n",
            "workloads.yaml": (ROOT / "stacks/acme/payments/workloads.yaml").read_text(),
        }
    )
    package = {"PYTHONPATH": str(ROOT / "stacks" / "acme" / "platform")}
    own = Checkout(team.root, team.environment | package)
    assert "3 components, 28 resources; complete" in own.handrail("preview", "payments-dev").stdout
    own.handrail("up", "--yes", "payments-dev")
    assert len(own.manifests("payments-dev")) == 28


def test_generic_registration_equals_the_typed_sdk(project: Callable[..., Checkout]) -> None:
    """The same manifest through pulumi_kubernetes and through CustomResource: one URN apart by name, one state."""
    body = (
        '{"metadata": {"name": NAME, "namespace": "x"}, "spec": {"podSelector": {"matchLabels": {"a": "b"}},\n'
        '  "policyTypes": ["Ingress"], "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],\n'
        '  "ports": [{"protocol": "TCP", "port": 80}]}]}}'
    )
    team = project(
        program(
            "import pulumi\nimport pulumi_kubernetes as k8s\nfrom handrail.engine import provider_version\n"
            'opts = pulumi.ResourceOptions(version=provider_version(), provider=pulumi.ProviderResource("kubernetes", "p",\n'
            '    {"renderYamlToDirectory": "rendered/dev"}, pulumi.ResourceOptions(version=provider_version())))\n'
            f"def manifest(NAME):\n    return {body}\n"
            'm = manifest("typed")\n'
            'k8s.networking.v1.NetworkPolicy("typed", metadata=m["metadata"], spec=m["spec"], opts=opts)\n'
            'pulumi.CustomResource("kubernetes:networking.k8s.io/v1:NetworkPolicy", "generic",\n'
            '    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **manifest("generic")}, opts)\n'
        )
    )
    team.handrail("up", "--yes", "dev")
    state = {r["urn"].rpartition("::")[2]: r for r in team.state("dev")}
    typed, generic = state["typed"], state["generic"]
    assert typed["urn"].replace("::typed", "::generic") == generic["urn"]
    for key in ("type", "inputs", "dependencies", "provider", "propertyDependencies"):
        assert str(typed.get(key)).replace("'typed'", "'generic'") == str(generic.get(key))
    assert generic["inputs"]["spec"]["ingress"][0]["from"][0]["ipBlock"]["except"] == ["10.1.0.0/16"]
    files = team.manifests("dev")
    assert (
        files["1-manifest/networking.k8s.io_v1-networkpolicy-x-typed.yaml"].replace("name: typed", "name: generic")
        == (files["1-manifest/networking.k8s.io_v1-networkpolicy-x-generic.yaml"])
    )


TYPED = (
    "import pulumi_kubernetes as k8s, pulumi\n"
    'p = k8s.Provider("p", render_yaml_to_directory="rendered/dev")\n'
    'k8s.core.v1.ConfigMap("c", metadata={"name": "c"}, data={"a": "b"}, opts=pulumi.ResourceOptions(provider=p))\n'
)


@pytest.mark.parametrize("asked", ["by its version", "by none"])
def test_the_provider_among_the_plugins_draws_no_warning(asked: str, project: Callable[..., Checkout]) -> None:
    """Neither where its exact version is asked for nor where none is."""
    version = "provider_version()" if asked == "by its version" else "None"
    team = project(
        program(
            "import pulumi\nfrom handrail.engine import provider_version\n"
            f"opts = pulumi.ResourceOptions(version={version})\n"
            'p = pulumi.ProviderResource("kubernetes", "p", {"renderYamlToDirectory": "rendered/dev"}, opts)\n'
            'pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "c", {"apiVersion": "v1", "kind": "ConfigMap",\n'
            f'    "metadata": {{"name": "c"}}}}, pulumi.ResourceOptions(provider=p, version={version}))\n'
        )
    )
    team.pulumi("stack", "init", "dev", "--no-select")
    done = team.pulumi("up", "--yes", "--stack", "dev")
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert list(team.manifests("dev")) == ["1-manifest/v1-configmap-default-c.yaml"]


@pytest.mark.parametrize("way", ["PATH", "plugins"])
def test_a_typed_program_gets_the_provider(way: str, project: Callable[..., Checkout], engine: object) -> None:
    """The SDK asks for a version that was never built; PATH or `plugins:` gives it the one that is there."""
    from handrail.engine import Engine

    assert isinstance(engine, Engine)
    assert engine.provider
    folder = engine.provider.path.parent
    plugins = f"plugins: {{providers: [{{name: kubernetes, path: {folder}}}]}}\n" if way == "plugins" else ""
    team = project(program(TYPED) | {"Pulumi.yaml": PROJECT + plugins})
    if way == "PATH":
        team = Checkout(team.root, team.environment | {"PATH": f"{folder}:{team.environment['PATH']}"})
    team.pulumi("stack", "init", "dev", "--no-select")
    team.pulumi("up", "--yes", "--stack", "dev")
    assert list(team.manifests("dev")) == ["1-manifest/v1-configmap-default-c.yaml"]
