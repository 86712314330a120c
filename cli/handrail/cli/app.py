"""The `handrail` command. Its modules import what they need when they run, so that `--help` is instant."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from handrail.cli import check, destroy, engine, init, preview, promote, rollback, run, standards, status, up, why
from handrail.core.errors import HandrailError

DOMAIN_ERROR, INTERRUPTED = 1, 130


class _Group(TyperGroup):
    """Turns what a user can mend into a message and an exit code; a traceback is always a bug of ours."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HandrailError as error:
            print(f"handrail: {error}" if len(error.problems) == 1 else str(error), file=sys.stderr)
            raise typer.Exit(DOMAIN_ERROR) from None
        except KeyboardInterrupt:
            print("handrail: interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            sys.stderr.close()  # the reader of a pipe, as head, has all it wants
            raise typer.Exit(0) from None


app = typer.Typer(
    cls=_Group, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None,
    help="Guardrails, not railroads: one platform for services, endpoints, notebooks and jobs.",
)  # fmt: skip
app.command("init")(init.init)
app.command("preview")(preview.preview)
app.command("check")(check.check)
app.command("up")(up.up)
app.command("destroy")(destroy.destroy)
app.command("run")(run.run)
app.command("promote")(promote.promote)
app.command("rollback")(rollback.rollback)
app.command("status")(status.status)
app.command("why")(why.why)
app.add_typer(standards.app, name="standards")
app.add_typer(engine.app, name="engine")


def main() -> None:
    """The entry point."""
    app()
