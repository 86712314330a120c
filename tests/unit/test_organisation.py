"""organisation.yaml and the Context."""

from pathlib import Path

import pytest

from handrail.core.documents import parse
from handrail.core.errors import DocumentError
from handrail.core.models import read
from handrail.organisation import Context, Tier, load_organisation, locate, read_context
from handrail.organisation.model import Organisation

ACME = Path(__file__).parents[2] / "stacks" / "acme" / "platform" / "acme_platform"
GOOD = (ACME / "organisation.yaml").read_text()


def organisation(tmp_path: Path, text: str) -> Organisation:
    """The organisation of a directory with this organisation.yaml."""
    (tmp_path / "organisation.yaml").write_text(text)
    return load_organisation(tmp_path)


def refusal(tmp_path: Path, text: str) -> str:
    """The errors of an organisation.yaml, without the directory."""
    with pytest.raises(DocumentError) as caught:
        organisation(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_acme_is_read_with_its_units() -> None:
    """The sample organisation is valid; quantities are typed."""
    acme = load_organisation(ACME)
    assert acme.environments["prod"].tier is Tier.PRODUCTION
    assert str(acme.accelerators["a100"].memory) == "80Gi"
    assert str(acme.teams["payments"].quota.cpu) == "40"


def test_all_problems_at_once_with_place_given_allowed_and_nearest(tmp_path: Path) -> None:
    """A misspelt word, a missing one, a wrong value and a wrong unit are all said, each with its line."""
    text = (
        GOOD.replace("tier: development", "tier: developement")
        .replace("scrapers: monitoring", "scraper: monitoring", 1)
        .replace("memory: 24GiB", "memory: 24", 1)
        .replace("prices: {currency: EUR, ", "prices: {")
        .replace("cpu_hour: 0.035, ", "")
    )
    found = refusal(tmp_path, text)
    assert "organisation.yaml:5:15: environments.dev.tier: is no value that may stand here\n" in found
    assert "given:   developement\n    allowed: development, production, staging\n" in found
    assert "did you mean development?" in found
    assert "clusters.dev.scraper: is no word that may stand here" in found
    assert "did you mean scrapers?" in found
    assert "accelerators.l4.memory: has no unit\n    given:   24\n    allowed: write a number and MiB" in found
    assert "prices.cpu_hour: is required\n    do:      write cpu_hour: One core for an hour" in found
    assert found.count("organisation.yaml:") == 4


def test_references_are_checked_with_their_place(tmp_path: Path) -> None:
    """A cluster, an accelerator and a pair of words that no single field can tell."""
    text = (
        GOOD.replace("tier: staging, cluster: staging", "tier: staging, cluster: stagin")
        .replace("quota: {cpu: 40, memory: 80GiB}", "quota: {cpu: 40, memory: 80GiB, accelerators: {l40: 2}}")
        .replace("    secret_store: &store {name: acme-secrets}\n", "")
        .replace("    secret_store: *store\n", "")
        .replace("    render: rendered\n", "    render: rendered\n    context: real\n", 1)
        .replace("  payments:\n", "  platform:\n")
    )
    found = refusal(tmp_path, text)
    assert "environments.staging.cluster: is no name that may stand here" in found
    assert "did you mean staging?" in found
    assert "teams.platform.quota.accelerators.l40: is no name" in found
    assert "teams.platform: is the platform team's own name" in found
    assert "clusters.dev: has the capability external-secrets and no secret_store" in found
    assert "clusters.staging: needs exactly one of render and context" in found


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "name: acme", "teams: {x: 1}", "clusters: [1]", "environments: {dev: ~}"]
)
def test_any_wrong_shape_is_a_document_error(tmp_path: Path, text: str) -> None:
    """Never a traceback."""
    assert "organisation.yaml:1:" in refusal(tmp_path, text)


CONFIG = {"handrail:organisation": str(ACME), "handrail:team": "payments", "handrail:environment": "dev"}


def context(**changes: str) -> Context:
    """acme's payments-dev, with changes to its config."""
    config = CONFIG | {f"handrail:{key}": value for key, value in changes.items()}
    return read_context(config, root=ACME.parent, stack="payments-dev")


def test_the_context_is_read_once_from_the_config() -> None:
    """Namespace, cluster and owner follow from the three keys."""
    found = context()
    assert (found.namespace, found.settings.tier, found.cluster.render) == ("payments-dev", "development", "rendered")
    assert (found.owner.cost_centre, found.owner.persona) == ("cc-2100", "app-developer")


def test_a_relative_path_starts_at_pulumi_yaml() -> None:
    """Not at the working directory."""
    assert context(organisation="./acme_platform").organisation.name == "acme"


def test_missing_config_shows_the_lines_to_add() -> None:
    """The three lines, ready to copy."""
    with pytest.raises(DocumentError) as caught:
        read_context({"handrail:team": "payments"}, root=ACME, stack="payments-dev")
    assert str(caught.value) == (
        "handrail:organisation, handrail:environment missing in the config of stack payments-dev\n"
        "    do:      add to the stack's config:\n"
        "             handrail:organisation: ./organisation\n"
        "             handrail:team: payments\n"
        "             handrail:environment: dev"
    )


def test_unknown_team_and_environment_are_both_said() -> None:
    """With the nearest names."""
    with pytest.raises(DocumentError) as caught:
        context(team="payment", environment="production")
    assert "handrail:team: is no team that may stand here" in str(caught.value)
    assert "did you mean payments?" in str(caught.value)
    assert "handrail:environment: is no environment" in str(caught.value)


def test_an_organisation_is_a_package_or_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word without a slash is a package; one that is not installed is told apart from a directory."""
    monkeypatch.syspath_prepend(str(ACME.parent))
    assert locate("acme_platform", ACME) == ACME
    with pytest.raises(DocumentError, match=r"there is no package acme_plattform[\s\S]*or write ./acme_plattform"):
        locate("acme_plattform", ACME)
    with pytest.raises(DocumentError, match=r"has no organisation\.yaml"):
        locate("./nowhere", ACME)


def test_frozen_and_strict() -> None:
    """A model cannot be changed after it was read."""
    acme = read(parse(GOOD, "f"), Organisation)
    with pytest.raises(Exception, match="frozen"):
        acme.name = "other"  # type: ignore[misc]
