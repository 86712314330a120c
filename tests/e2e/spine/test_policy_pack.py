"""The standards on programs that know nothing of Handrail: `pulumi up --policy-pack`, with the real engine."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from spine import ORGANISATION, ROOT, Checkout

from handrail.core.clock import now
from handrail.engine import Engine, install
from handrail.engine._find import provider_version
from handrail.standards import CONTRACT_VERSION
from handrail.standards.samples import sample

pytestmark = pytest.mark.engine

PACK = str(ROOT / "policy")
BACKEND = "backend: {url: 'file://.state?create_dir=true'}\n"
ACME = ROOT / ORGANISATION
STRICT = yaml.safe_dump(yaml.safe_load(ACME.read_text()) | {"standards": {"version": CONTRACT_VERSION}})
"""The sample company's, with the catalogue as it comes."""
CONFIG = "config: {handrail:organisation: ./organisation, handrail:environment: prod}\n"
DIGEST = "@sha256:" + "0" * 64
WAIVER = {
    "id": "old-image",
    "standard": "images-by-digest",
    "workload": "shop/web",
    "environment": "prod",
    "reason": "the registry is moved in spring",
    "owner": "grace@acme.test",
    "approver": "ada@acme.test",
    "granted": f"{now().date() - timedelta(days=1)}",
    "expires": f"{now().date() + timedelta(days=30)}",
    "compensating_control": "tags are immutable in the registry",
}

# as much of a provider as the engine asks: what it makes has an address that a preview does not know
AWS = """\
#!{python}
import sys, time
from concurrent.futures import ThreadPoolExecutor
import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2 as p
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

class Aws(ResourceProviderServicer):
    def Handshake(self, request, context): return p.ProviderHandshakeResponse()
    def GetPluginInfo(self, request, context): return plugin_pb2.PluginInfo(version="7.0.0")
    def CheckConfig(self, request, context): return p.CheckResponse(inputs=request.news)
    def DiffConfig(self, request, context): return p.DiffResponse()
    def Configure(self, request, context): return p.ConfigureResponse(acceptSecrets=True, supportsPreview=True)
    def Check(self, request, context): return p.CheckResponse(inputs=request.news)
    def Create(self, request, context):
        made = struct_pb2.Struct()
        made.CopyFrom(request.properties)
        made["url"] = "04da6b54-80e4-46f7-96ec-b56ff0331ba9" if request.preview else "registry.acme.test/web"
        return p.CreateResponse(id="" if request.preview else "made", properties=made)
    def Delete(self, request, context): return empty_pb2.Empty()
    def Cancel(self, request, context): return empty_pb2.Empty()

server = grpc.server(ThreadPoolExecutor(4))
add_ResourceProviderServicer_to_server(Aws(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""

HEAD = f'''\
import pulumi
from pulumi import CustomResource, ProviderResource, ResourceOptions
k8s = ProviderResource("kubernetes", "k8s", {{"renderYamlToDirectory": "rendered/dev"}}, ResourceOptions(version="{provider_version()}"))
class Made(CustomResource):
    url: pulumi.Output[str]
def aws(token, name, **inputs):
    return Made(f"aws:{{token}}", name, {{**inputs, "url": None}}, ResourceOptions(version="7.0.0"))
def deployment(image, name="web"):
    spec = {json.dumps(sample("kubernetes:apps/v1:Deployment")["spec"]).replace("true", "True").replace("false", "False")}
    spec["template"]["spec"]["containers"][0]["image"] = image
    spec["template"]["spec"]["topologySpreadConstraints"] = [{{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {{"matchLabels": spec["selector"]["matchLabels"]}}}}]
    CustomResource("kubernetes:apps/v1:Deployment", name, {{"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {{"name": name, "namespace": "shop", "labels": {{"handrail.dev/team": "shop",
        "handrail.dev/cost-centre": "cc-1"}}}}, "spec": spec}},
        ResourceOptions(provider=k8s, version="{provider_version()}"))
'''


@pytest.fixture
def program(project: Callable[..., Checkout], tmp_path: Path) -> Callable[..., Checkout]:
    """Makes a project out of a Python program, with a stand-in for the AWS provider on PATH."""
    plugin = tmp_path / "pulumi-resource-aws"
    plugin.write_text(AWS.replace("{python}", sys.executable))
    plugin.chmod(0o755)

    def make(text: str, config: str = "config: {}\n", **files: str) -> Checkout:
        found = project(
            {
                "Pulumi.yaml": "name: shop\nruntime: {name: python, options: {virtualenv: .venv}}\n" + BACKEND,
                "Pulumi.dev.yaml": config,
                "__main__.py": HEAD + text,
                "organisation/organisation.yaml": STRICT,
                **files,
            }
        )
        more = {"PATH": f"{tmp_path}:{found.environment['PATH']}", "VIRTUAL_ENV": sys.prefix}
        found = Checkout(found.root, found.environment | more)
        found.pulumi("stack", "init", "dev", "--no-select")
        return found

    return make


def judged(checkout: Checkout, *command: str, ok: bool, **more: str) -> str:
    """What a command says with the pack."""
    done = checkout.pulumi(*(command or ("preview",)), "--stack", "dev", "--policy-pack", PACK, ok=ok, **more)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) is ok, said
    assert "Traceback" not in said, said
    return said


def shown(said: str, standard: str) -> list[str]:
    """How a standard's findings are headed, as `[mandatory] (apps/v1:Deployment: web)`."""
    lines = [line.strip(" -") for line in said.splitlines()]
    return [" ".join(line.replace(standard, "").split()) for line in lines if line.startswith("[") and standard in line]


def test_a_violation_is_refused_in_handrails_words(program: Callable[..., Checkout]) -> None:
    """At preview, with the remedy; what stands beside it and is sound is not named."""
    said = judged(
        program(
            'deployment("registry.acme.test/nginx:latest")\ndeployment("registry.acme.test/nginx:1.29DIGEST", "sound")\n'.replace(
                "DIGEST", DIGEST
            )
        ),
        ok=False,
    )
    assert shown(said, "images-by-digest") == ["[mandatory] (kubernetes:apps/v1:Deployment: web)"]
    assert (
        "web: spec.template.spec.containers: no digest in registry.acme.test/nginx:latest (images-by-digest, required)"
        in said
    )
    assert "do:      append @sha256 and the digest to the image" in said
    assert "no organisation was named: judged by the catalogue as it comes, as in production" in said


def test_a_program_in_another_language(project: Callable[..., Checkout], engine: Engine) -> None:
    """YAML; no Handrail in it."""
    install(yaml=True)
    spec = json.dumps(
        {
            "containers": [
                {"name": "web", "image": "registry.acme.test/nginx:latest", "securityContext": {"privileged": True}}
            ]
        }
    )
    text = (
        f"name: shop\nruntime: yaml\n{BACKEND}resources:\n"
        f"  k8s: {{type: 'pulumi:providers:kubernetes', properties: {{renderYamlToDirectory: rendered}}, options: {{version: {provider_version()}}}}}\n"
        "  web:\n    type: kubernetes:core/v1:Pod\n"
        f"    options: {{provider: '${{k8s}}', version: {provider_version()}}}\n"
        f"    properties: {{metadata: {{name: web}}, spec: {spec}}}\n"
    )
    team = project({"Pulumi.yaml": text, "Pulumi.dev.yaml": "config: {}\n"})
    team = Checkout(team.root, engine.environment(team.environment) | {"VIRTUAL_ENV": sys.prefix})
    team.pulumi("stack", "init", "dev", "--no-select")
    said = judged(team, ok=False)
    assert "[mandatory]" in shown(said, "pod-security-restricted")[0]
    assert "privileged: no container may be privileged" in said


def test_what_only_the_engine_knows_is_decided_at_up(program: Callable[..., Checkout]) -> None:
    """A preview only says so; the update refuses the value before the Deployment is registered."""
    team = program('repository = aws("ecr/repository:Repository", "web")\ndeployment(repository.url)\n')
    said = judged(team, ok=True)
    assert shown(said, "images-by-digest") == ["[advisory] (kubernetes:apps/v1:Deployment: web)"]
    assert "decided at up, when spec.template.spec.containers[0].image is known" in said
    said = judged(team, "up", "--yes", ok=False)
    assert "no digest in registry.acme.test/web" in said
    assert [each["type"] for each in team.state("dev") if each["type"].startswith("kubernetes:")] == []


def test_resources_of_aws(program: Callable[..., Checkout]) -> None:
    """A policy in JSON, a bucket by what stands beside it, an advisory that refuses nothing."""
    text = (
        'bucket = aws("s3/bucket:Bucket", "data", bucket="data", tags={"owner": "shop", "cost-centre": "1"})\n'
        'aws("s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "data", bucket=bucket.id, blockPublicAcls=True,\n'
        "    blockPublicPolicy=BLOCK, ignorePublicAcls=True, restrictPublicBuckets=True)\n"
        'aws("s3/bucket:Bucket", "logs", bucket="logs")\n'
        'aws("iam/policy:Policy", "all", policy=\'{"Statement": [{"Effect": "Allow", "Action": "ACTION", "Resource": "*"}]}\')\n'
    )
    said = judged(program(text.replace("BLOCK", "False").replace("ACTION", "s3:*")), ok=False)
    assert shown(said, "s3-public-access-blocked") == ["[mandatory] (aws:s3:BucketPublicAccessBlock: data)"]
    assert "not true: blockPublicPolicy" in said
    assert "a statement allows s3:*" in said
    assert shown(said, "s3-public-access-block-declared") == ["[advisory] (aws:s3:Bucket: logs)"]
    assert shown(said, "aws-tags") == ["[advisory] (aws:s3:Bucket: logs)"]
    said = judged(program(text.replace("BLOCK", "True").replace("ACTION", "s3:GetObject")), ok=True)
    assert "[mandatory]" not in said
    assert shown(said, "aws-tags")


def test_the_organisation_is_named_by_the_stack_or_by_the_pipeline(program: Callable[..., Checkout]) -> None:
    """Its environments and its waivers hold; what the pipeline says, the stack cannot change; a wrong name ends it."""
    team = program('deployment("registry.acme.test/nginx:1.29")\n', CONFIG)
    said = judged(team, ok=False)
    assert "no organisation was named" not in said
    assert shown(said, "images-by-digest") == ["[mandatory] (kubernetes:apps/v1:Deployment: web)"]
    assert shown(judged(team, ok=True, HANDRAIL_ENVIRONMENT="dev"), "images-by-digest") == []
    assert shown(judged(team, ok=True, HANDRAIL_ORGANISATION=str(ACME.parent)), "images-by-digest") == []
    assert "did you mean prod?" in judged(team, ok=False, HANDRAIL_ENVIRONMENT="prodd")
    (team.root / "organisation" / "waivers.yaml").write_text(yaml.safe_dump({"waivers": [WAIVER]}))
    said = judged(team, ok=True)
    assert shown(said, "images-by-digest") == ["[advisory] (kubernetes:apps/v1:Deployment: web)"]
    assert f"waived by old-image until {WAIVER['expires']}" in said


def test_a_secret_is_judged_and_not_shown(program: Callable[..., Checkout]) -> None:
    """The verdict is on its value."""
    said = judged(program('deployment(pulumi.Output.secret("canary.acme.test/x:1"))\n'), ok=False)
    assert "no digest in [secret]" in said
    assert "canary" not in said


def test_a_stack_of_handrails_own_keeps_them(acme_copy: Callable[[], Checkout]) -> None:
    """The components and the pack judge alike; the organisation is found from the stack's config."""
    copy = acme_copy()
    copy = Checkout(copy.root, copy.environment | {"VIRTUAL_ENV": sys.prefix})
    copy.pulumi("stack", "init", "payments-prod", "--no-select")
    done = copy.pulumi("preview", "--stack", "payments-prod", "--policy-pack", PACK)
    assert "handrail@v" in done.stdout
    assert "[mandatory]" not in done.stdout
    assert "no organisation was named" not in done.stdout
