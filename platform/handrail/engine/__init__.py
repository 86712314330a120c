"""Pulumi's own engine: found on PATH, else downloaded, else built from the Go module proxy. Never imitated."""

from handrail.engine._doctor import Report, doctor
from handrail.engine._find import PROVIDER_VARIABLE, Engine, Provider, find, link_provider, provider_version
from handrail.engine._install import install

__all__ = [
    "PROVIDER_VARIABLE",
    "Engine",
    "Provider",
    "Report",
    "doctor",
    "find",
    "install",
    "link_provider",
    "provider_version",
]
