"""The component plugin: what Pulumi runs for a program in another language that uses a component.

The engine starts it with its own environment, which has the credentials of every cloud and of the state. A component
only plans; the providers that deploy are other processes. So this one begins again with what it needs, before it
imports anything.
"""

import os
import sys
from typing import Any

_KEPT = frozenset(
    {
        "HOME", "LANG", "LANGUAGE", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "PULUMI_HOME", "XDG_CACHE_HOME",
    }
)  # fmt: skip
_KEPT_PREFIXES = ("HANDRAIL_", "LC_", "PULUMI_DISABLE_", "PULUMI_ENABLE_", "PULUMI_ERROR_", "PYTHON")


def forget() -> None:
    """Go on without any variable of the engine's but those that are named above."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    if len(kept) == len(os.environ):
        return
    if os.name == "posix":  # the same process, so that not even its block of variables has the others
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept)  # noqa: S606
    for name in set(os.environ) - set(kept):
        del os.environ[name]


def provider() -> Any:
    """Every component, for Pulumi's plugin host."""
    from pulumi import Output, RunError
    from pulumi.errors import InputPropertiesError
    from pulumi.output import Unknown
    from pulumi.provider.experimental.analyzer import PropertyType
    from pulumi.provider.experimental.component import ComponentProvider
    from pulumi.provider.provider import ConstructResult
    from pulumi.provider.server import ComponentInitError
    from pulumi.runtime import config

    from handrail import components
    from handrail.components._catalogue import definitions

    class Provider(ComponentProvider):
        """Pulumi's own, except that a person's mistake is told without a traceback, and none goes unsaid."""

        def construct(self, *arguments: Any, **options: Any) -> ConstructResult:
            """Make a component, without the rest of the stack's config: the engine sends all of it, decrypted."""
            given = config.CONFIG.get()
            config.set_all_config({key: value for key, value in given.items() if key.startswith("handrail:")})
            try:
                return super().construct(*arguments, **options)
            except ComponentInitError as error:
                if isinstance(error.inner, RunError):
                    raise InputPropertiesError(str(error.inner), []) from None
                raise

        def map_input_properties(
            self, inputs: Any, properties: Any, mapping: Any, component_name: str, property_path: str
        ) -> Any:
            """Refuse an output where the SDK itself breaks at it, or takes it for nothing."""
            for name, kind in properties.items():
                value = inputs.get(name) if isinstance(inputs, dict) else inputs
                nested = kind.ref or kind.type == PropertyType.INTEGER or (kind.items and kind.items.ref)
                if nested and isinstance(value, Output | Unknown):
                    path = f"{property_path}.{name}".lstrip(".")
                    # not an InputPropertyError: the engine would print the value, even of a secret
                    said = f"{path}: must be known when the program runs: a Pulumi output cannot stand here"
                    raise InputPropertiesError(said, [])
            return super().map_input_properties(inputs, properties, mapping, component_name, property_path)

    found = [getattr(components, name) for name in definitions()]
    return Provider(found, "handrail", None, "0.0.0")


def serve() -> None:
    """Answer the engine until it ends this process."""
    from pulumi.provider import main

    main(provider(), sys.argv[1:])


if __name__ == "__main__":
    forget()
    serve()
