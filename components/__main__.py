"""The component plugin: what Pulumi runs for a program in another language that uses a component."""

from pulumi.provider.experimental import component_provider_host

from handrail import components
from handrail.components._catalogue import definitions

if __name__ == "__main__":
    component_provider_host(name="handrail", components=[getattr(components, name) for name in definitions()])
