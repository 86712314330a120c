"""A secret is nowhere in plain text: not in the state, in files, in what commands print, or in what they refuse."""

import json
from collections.abc import Callable

import pytest
from spine import ROOT, Checkout

pytestmark = pytest.mark.engine
PROJECT = "name: team\nruntime: {name: python, options: {virtualenv: .venv}}\nbackend: {url: 'file://.state?create_dir=true'}\n"
CONFIG = "config: {handrail:organisation: ./organisation, handrail:team: payments, handrail:environment: dev}\n"
ORGANISATION = (ROOT / "stacks/acme/platform/acme_platform/organisation.yaml").read_text()
CONFIGURED, MADE = "canary-config-71c9", "canary-made-52ae"
PASSPHRASE = "canary-passphrase-0b6d"
KEPT = f"""
import pulumi
from handrail.components import ScalableService

configured, made = pulumi.Config().require_secret("password"), pulumi.Output.secret("{MADE}")
service = ScalableService("checkout", {{"image": "registry.acme.test/x:1", "port": 8080}})
both = {{"configured": configured, "made": [made], "text": pulumi.Output.concat("postgres://u:", configured, "@db")}}
pulumi.ComponentResource("team:index:Own", "own", both).register_outputs(both)
pulumi.export("both", both)
pulumi.export("url", service.url)
"""
REFUSED = f"""
import pulumi
from handrail.components import ScalableService

secret = pulumi.Output.secret("{MADE}") if pulumi.get_stack() == "recorded" else pulumi.Config().require_secret("password")
ScalableService("checkout", {{"image": "registry.acme.test/x:1", "port": 8080, **ARGUMENTS}})
"""
MISTAKES = '{"pasword": secret, "scale": {"min": secret}, "env": {"PASSWORD": [secret]}}'


@pytest.fixture(scope="module")
def team(project: Callable[..., Checkout]) -> Callable[[str], Checkout]:
    """Makes a team's project with a stack that the engine knows of, with an encrypted config value, and another one."""

    def make(program: str) -> Checkout:
        files = {"Pulumi.dev.yaml": CONFIG, "Pulumi.recorded.yaml": CONFIG, "__main__.py": program}
        made = project({"Pulumi.yaml": PROJECT, "organisation/organisation.yaml": ORGANISATION, **files})
        return Checkout(made.root, made.environment | {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE})

    return make


def configure(found: Checkout) -> None:
    """Make the stack, and encrypt a value in its config."""
    found.pulumi("stack", "init", "dev", "--no-select")
    found.pulumi("config", "set", "--secret", "--stack", "dev", "password", CONFIGURED)


def shown(found: Checkout, *command: str, ok: bool = True) -> str:
    """What a `handrail` command prints; none of the secrets is in it."""
    done = found.handrail(*command, ok=ok)
    assert [secret for secret in (CONFIGURED, MADE, PASSPHRASE) if secret in done.stdout + done.stderr] == []
    return done.stdout if ok else done.stdout + done.stderr


def files_with_a_secret(found: Checkout) -> list[str]:
    """The files of a project that hold one in plain text: its state, its history, its manifests, its config."""
    return [
        str(file.relative_to(found.root))
        for file in found.root.rglob("*")
        if file.is_file() and ".venv" not in file.parts and file.name != "__main__.py"
        for secret in (CONFIGURED, MADE, PASSPHRASE)
        if secret.encode() in file.read_bytes()
    ]


def test_a_secret_goes_through_every_command_unseen(team: Callable[[str], Checkout]) -> None:
    """From config and made by the program, alone and within other text: previewed, deployed, in the state and exported."""
    found = team(KEPT)
    configure(found)
    assert "not seen  encrypted config team:password" in shown(found, "preview", "dev")
    (recorded,) = json.loads(shown(found, "preview", "--json", "dev"))
    assert recorded["unseen"] == ["encrypted config team:password"]
    engine = json.loads(shown(found, "preview", "--engine", "--json", "dev"))
    assert engine["changeSummary"]["create"] > 8
    assert "[secret]" in shown(found, "up", "--yes", "dev")
    assert files_with_a_secret(found) == []
    exported = found.pulumi("stack", "export", "--stack", "dev").stdout
    assert "ciphertext" in exported
    assert CONFIGURED not in exported
    assert MADE not in exported


@pytest.mark.parametrize(
    "arguments",
    [
        '{"env": {"PASSWORD": secret}}',
        '{"env": {"DATABASE_URL": pulumi.Output.concat("postgres://u:", secret, "@db")}}',
        MISTAKES,
    ],
)
def test_a_refusal_does_not_tell_the_secret(team: Callable[[str], Checkout], arguments: str) -> None:
    """Wherever it was put; the recorder knows its value."""
    found = team(REFUSED.replace("ARGUMENTS", arguments))
    assert "handrail: checkout" in shown(found, "preview", "recorded", ok=False)


def test_the_engines_refusal_does_not_tell_it_either(team: Callable[[str], Checkout]) -> None:
    """Which knows the value of an encrypted config; of every mistake at once."""
    found = team(REFUSED.replace("ARGUMENTS", MISTAKES))
    configure(found)
    assert "checkout.pasword: is no word" in shown(found, "preview", "--engine", "dev", ok=False)
    assert files_with_a_secret(found) == []


def test_json_is_all_that_stands_on_stdout(acme_copy: Callable[[], Checkout]) -> None:
    """Of every command that has it; what a person should read goes to stderr."""
    acme = acme_copy()
    commands = (
        ["preview", "--json"],
        ["why", "checkout", "--json"],
        ["engine", "doctor", "--json"],
        ["up", "*-dev", "--matrix"],
    )
    for command in commands:
        done = acme.handrail(*command)
        assert json.loads(done.stdout), command
    failed = acme.handrail("preview", "--json", "nonsense", ok=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "nonsense" in failed.stderr
