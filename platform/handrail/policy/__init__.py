"""The judge as a Pulumi policy pack: `pulumi up --policy-pack`, on any program in any language.

chosen    whose standards a stack is judged by
verdicts  what the engine says of a resource, judged
server    the answers to the engine
"""

from handrail.policy.server import serve

__all__ = ["serve"]
