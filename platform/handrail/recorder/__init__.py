"""What any Pulumi Python program registers, without an engine, a provider, a credential or the network.

The program runs in a child process against a recording monitor. Nothing here imports Pulumi; only the child does.
"""

from handrail.recorder.grpc_log import read_grpc_log
from handrail.recorder.model import SECRET, UNKNOWN, Message, Outputs, Record, Registration, Unseen
from handrail.recorder.recorder import record

__all__ = [
    "SECRET",
    "UNKNOWN",
    "Message",
    "Outputs",
    "Record",
    "Registration",
    "Unseen",
    "read_grpc_log",
    "record",
]
