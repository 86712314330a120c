"""What the engine says in its own words → what a person can do about it."""

from __future__ import annotations

_REMEDIES = {
    "passphrase must be set": "export PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, for the stack",
    "incorrect passphrase": "export PULUMI_CONFIG_PASSPHRASE with the passphrase that the stack was made with",
    "permission denied": "make the backend's folder writable for you, or name another one in Pulumi.yaml's backend.url",
    "unable to open state directory": "make the folder writable, or name another one in Pulumi.yaml's backend.url",
    "read-only file system": "name a writable folder in Pulumi.yaml's backend.url",
    "no space left on device": "make room on the disk: nothing that was deployed is lost",
    "no such host": "the backend's name cannot be resolved: check the network and Pulumi.yaml's backend.url",
    "NoSuchBucket": "create the bucket, or name another one: organisation.yaml's backend.url, or Pulumi.yaml's",
    "connection refused": "nothing listens at the backend's address: check it in organisation.yaml or Pulumi.yaml",
    "get credentials": "log in to the cloud that holds the bucket, as `aws sso login` does, or export its credentials",
    "AccessDenied": "ask whoever owns the bucket to let you read and write it",
    "PULUMI_ACCESS_TOKEN": "export PULUMI_ACCESS_TOKEN, or run `pulumi login` with the address of Pulumi Cloud",
    "invalid access token": "export a PULUMI_ACCESS_TOKEN that holds, or run `pulumi login` with its address",
    "unexpected end of JSON": "the state file is broken: restore it from .pulumi/backups or its .bak beside it",
    "unexpected EOF": "the state file is broken: restore it from .pulumi/backups or its .bak beside it",
    "invalid character": "the state file is broken: restore it from .pulumi/backups or its .bak beside it",
}


def remedy_of(said: str) -> str | None:
    """What to do about what the engine said, where that is known."""
    return next((remedy for part, remedy in _REMEDIES.items() if part in said), None)
