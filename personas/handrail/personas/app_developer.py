"""The application developer's words."""

from handrail.personas._persona import Persona, Section

PERSONA = Persona(
    name="app-developer",
    sections={
        "services": Section(
            component="ScalableService",
            words=frozenset(
                {
                    "image",
                    "port",
                    "api",
                    "scale",
                    "cpu",
                    "cpu_limit",
                    "memory",
                    "memory_limit",
                    "env",
                    "secrets",
                    "health",
                    "calls",
                    "callers",
                    "egress",
                }
            ),
        ),
    },
)
