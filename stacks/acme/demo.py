"""`make demo`: a preview at once, then acme's dev environment through the real engine, then what to try next."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from rich.console import Console

from handrail.core.errors import HandrailError
from handrail.core.project import Project
from handrail.core.selection import select
from handrail.engine import Engine, install
from handrail.engine.run import run
from handrail.preview.read import preview
from handrail.preview.text import show

STACKS = [f"{team}-dev" for team in ("platform", "payments", "storefront", "fraud", "assist", "churn")]


def main() -> int:
    """Run the demonstration; 0 when every stack is up."""
    console = Console()
    project = Project.find(Path(__file__).parent)
    progress = _Installation()
    progress.start()
    console.rule("What acme's dev environment would be (no engine, no cluster, no credential)")
    previews = [preview(project, stack) for stack in STACKS]
    for found in previews:
        show(found, console)
    console.rule("The Pulumi engine")
    engine = progress.wait()
    console.print(f"{engine.version}, {engine.source}: {engine.pulumi}", highlight=False)
    console.rule("Deploying with `pulumi up`")
    run(project, select(project, STACKS), "up", ["--yes", "--skip-preview", "--suppress-outputs"])
    console.rule("Done")
    for found in previews:
        files = sorted((project.root / "rendered" / found.stack).rglob("*.yaml"))
        console.print(
            f"{found.stack}: {found.resources} resources, {len(files)} manifests in rendered/{found.stack}",
            highlight=False,
        )
        for group in found.groups:
            if url := group.outputs.get("url"):
                console.print(f"    {group.name:<22}{url}", highlight=False, soft_wrap=True)
    console.print(
        "\nTry next:\n"
        "    change a port in stacks/acme/payments/workloads.yaml\n"
        "    source .venv/bin/activate; export PULUMI_CONFIG_PASSPHRASE=   # the sample's passphrase is empty\n"
        "    handrail preview payments-dev\n"
        "    handrail up payments-dev\n"
        "    handrail why fraud-scorer\n"
        "    handrail engine doctor",
        highlight=False,
        soft_wrap=True,
    )
    return 0


class _Installation(threading.Thread):
    """Gets the engine while the preview is shown; what it says is held back until then."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._lines: list[str] = []
        self._shown = threading.Event()
        self._result: Engine | HandrailError | None = None

    def run(self) -> None:
        try:
            self._result = install(self._say)
        except HandrailError as error:
            self._result = error

    def _say(self, text: str) -> None:
        if self._shown.is_set():
            print(f"engine: {text}", file=sys.stderr, flush=True)
        else:
            self._lines.append(text)

    def wait(self) -> Engine:
        self._shown.set()
        for line in self._lines[-1:]:
            print(f"engine: {line}", file=sys.stderr, flush=True)
        self.join()
        if isinstance(self._result, Engine):
            return self._result
        raise self._result or HandrailError("the installation ended without a result")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HandrailError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
