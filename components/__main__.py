"""The component plugin: what Pulumi runs for a program in another language that uses a component."""

import sys
from typing import Any

from pulumi import RunError
from pulumi.errors import InputPropertiesError
from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult
from pulumi.provider.server import ComponentInitError

from handrail import components
from handrail.components._catalogue import definitions


class Provider(ComponentProvider):
    """Pulumi's own, except that a person's mistake is told without a traceback."""

    def construct(self, *arguments: Any, **options: Any) -> ConstructResult:
        """Make a component."""
        try:
            return super().construct(*arguments, **options)
        except ComponentInitError as error:
            if isinstance(error.inner, RunError):
                raise InputPropertiesError(str(error.inner), []) from None
            raise


if __name__ == "__main__":
    found = [getattr(components, name) for name in definitions()]
    main(Provider(found, "handrail", None, "0.0.0"), sys.argv[1:])
