"""`handrail engine cluster`: a Kubernetes control plane on this machine."""

from __future__ import annotations

import typer

from handrail.cli._options import Cwd, Json

app = typer.Typer(
    no_args_is_help=True,
    help="A Kubernetes control plane on this machine, with simulated nodes.",
    rich_markup_mode=None,
)


@app.command()
def up(cwd: Cwd = None) -> None:
    """Start it, built at the first time, with the nodes, kinds and storage of the project's organisation."""
    from handrail.cluster.local import contexts, furnish, project_organisation
    from handrail.engine import control_plane
    from handrail.engine.control_plane import ControlPlane, home

    organisation = project_organisation(cwd)
    running = ControlPlane.read(home())
    if running is None:
        control_plane.install()
        ControlPlane.clear(home())
        running = ControlPlane.start(home(), contexts(organisation) if organisation else (), attached=False)
    if organisation:
        furnish(running.api, organisation)
    print(running.summary())


@app.command()
def down() -> None:
    """End it, with all that is in it."""
    from handrail.engine.control_plane import ControlPlane, home

    running = ControlPlane.read(home()) is not None
    ControlPlane.clear(home())
    print("ended" if running else "it does not run")


@app.command()
def status(json: Json = False) -> None:
    """Say whether it runs, where, and how to use it; exit code 1 when it does not."""
    from handrail.engine.control_plane import ControlPlane, home

    running = ControlPlane.read(home())
    if json:
        print(ControlPlane.to_json(running))
    else:
        print(running.summary() if running else "it does not run\n    do:      run `handrail engine cluster up`")
    raise typer.Exit(0 if running else 1)
