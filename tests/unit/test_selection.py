"""Which stacks a command is about."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.cli.app import app
from handrail.core.errors import DocumentError
from handrail.core.project import Project
from handrail.core.selection import select

ROOT = Path(__file__).parents[2]
PROJECT = Project.find(ROOT)


def names(*patterns: str, environment: str | None = None, team: str | None = None) -> list[str]:
    """The selected stacks."""
    return [target.stack for target in select(PROJECT, patterns, environment=environment, team=team)]


def test_names_globs_environments_and_teams() -> None:
    """The platform team's stacks come first; a stack is there once however often it is meant."""
    assert names("payments-dev") == ["payments-dev"]
    assert names("*-dev", "payments-*") == [
        "platform-dev", "assist-dev", "churn-dev", "fraud-dev", "payments-dev", "storefront-dev",
        "payments-prod", "payments-staging",
    ]  # fmt: skip
    assert names(environment="prod", team="fraud") == ["fraud-prod"]
    assert len(names()) == 18
    assert names("*-prod", team="platform") == ["platform-prod"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"patterns": ["payments-dve", "x-*"]},
            ["no stack payments-dve", "did you mean payments-dev?", "no stack x-*"],
        ),
        ({"team": "nobody"}, ["no stack is of team nobody", "assist, churn, fraud, payments, platform, storefront"]),
        ({"environment": "qa"}, ["no stack is in environment qa", "dev, prod, staging"]),
        ({"patterns": ["fraud-dev"], "environment": "prod"}, ["no stack is in environment prod", "allowed: dev"]),
    ],
)
def test_a_selection_of_nothing_says_what_there_is(asked: dict[str, object], said: list[str]) -> None:
    """All that is wrong, at once."""
    with pytest.raises(DocumentError) as caught:
        select(PROJECT, **asked)  # type: ignore[arg-type]
    for part in said:
        assert part in str(caught.value)


def test_the_matrix_is_json_for_ci() -> None:
    """A row per stack with its wave; nothing is deployed."""
    done = CliRunner().invoke(app, ["up", "--team", "churn", "--matrix", "--cwd", str(ROOT)])
    assert done.exit_code == 0
    assert done.output == (
        '{"include": [{"stack": "churn-dev", "team": "churn", "environment": "dev", "wave": 1}, '
        '{"stack": "churn-prod", "team": "churn", "environment": "prod", "wave": 1}, '
        '{"stack": "churn-staging", "team": "churn", "environment": "staging", "wave": 1}]}\n'
    )


def test_many_stacks_are_asked_about_and_none_is_a_usage_error() -> None:
    """No engine is needed to say no."""
    runner = CliRunner()
    assert runner.invoke(app, ["up", "--cwd", str(ROOT)]).exit_code == 2
    asked = runner.invoke(app, ["destroy", "--team", "churn", "--cwd", str(ROOT)], input="n\n")
    assert asked.exit_code == 1
    assert "destroy churn-dev, churn-prod, churn-staging?" in asked.output


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["churn-dev"], []),
        (["churn-dev", "--yes"], ["--yes"]),
        (["churn-dev", "--yes", "--skip-preview"], ["--yes", "--skip-preview"]),
        (["--team", "churn", "--yes"], ["--yes", "--skip-preview"]),
    ],
)
def test_the_engine_is_asked_as_the_command_is(
    words: list[str], flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stack with the engine's preview and question, unless somebody wants neither; several with none."""
    asked: list[list[str]] = []
    monkeypatch.setattr(
        "handrail.engine.run.run", lambda project, targets, name, arguments, **_: asked.append(arguments)
    )
    done = CliRunner().invoke(app, ["up", *words, "--cwd", str(ROOT)])
    assert done.exit_code == 0, done.output
    assert asked == [flags]
