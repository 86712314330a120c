"""`handrail engine`: how the Pulumi engine is had."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail.cli import cluster
from handrail.cli._options import Json

app = typer.Typer(
    no_args_is_help=True, help="The Pulumi engine: install it, see what is in use.", rich_markup_mode=None
)
app.add_typer(cluster.app, name="cluster")


@app.command()
def install(
    yaml: Annotated[bool, typer.Option("--yaml", help="The YAML language host as well, for programs in YAML.")] = False,
    oasdiff: Annotated[
        bool, typer.Option("--oasdiff", help="oasdiff as well, which compares the versions of an API.")
    ] = False,
) -> None:
    """Find the engine on PATH, else download it, else build it; the Kubernetes provider as well."""
    from handrail.engine import install

    install(yaml=yaml, oasdiff=oasdiff)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is in use, from where, what is missing, and what to do."""
    from handrail.engine import doctor

    report = doctor()
    print(report.to_json() if json else report)
    raise typer.Exit(0 if report.healthy else 1)
