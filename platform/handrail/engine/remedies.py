"""What the engine says in its own words → what a person can do about it."""

from __future__ import annotations

_STATE = "the state file is broken: restore it from .pulumi/backups or its .bak beside it"
_INSTALL = "run `handrail engine install`: what is broken of it is made again"
_RENDERED = "make the folder writable that organisation.yaml names as the cluster's render, then run it again"
_ROOM = "make room on the disk, then run it again: what was begun goes on"
_AGAIN = "run it again: what was begun goes on; if it ends so each time, look for too little memory"

# the first that fits: what tells more stands before what tells less
_REMEDIES = {
    "passphrase must be set": "export PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, for the stack",
    "incorrect passphrase": "export PULUMI_CONFIG_PASSPHRASE with the passphrase that the stack was made with",
    "unable to read PULUMI_CONFIG_PASSPHRASE_FILE": "name a file that holds it in PULUMI_CONFIG_PASSPHRASE_FILE",
    "exec format error": _INSTALL,
    "could not read plugin": _INSTALL,
    "exited prematurely": _AGAIN,
    "error reading from server: EOF": _AGAIN,
    "no space left on device": _ROOM,
    "failed to write YAML file": _RENDERED,
    "directory for rendered YAML": _RENDERED,
    "Kubernetes cluster is unreachable": "check the network, and the cluster's address in your kubeconfig's context",
    'namespaces "': "deploy the environment's platform stack first: it makes the team's namespace",
    "denied request": "do what the policy asks; it stands under `admission` in the platform team's organisation.yaml",
    "the object has been modified": "run it again: what was begun goes on; somebody else changed it at the same moment",
    "exceeded quota": "ask for less, or have the team's quota raised in organisation.yaml",
    "permission denied": "make the backend's folder writable for you, or name another one in Pulumi.yaml's backend.url",
    "unable to open state directory": "make the folder writable, or name another one in Pulumi.yaml's backend.url",
    "read-only file system": "name a writable folder in Pulumi.yaml's backend.url",
    "dial tcp: lookup": "the backend's name cannot be resolved: check the network, and its address in "
    "organisation.yaml or Pulumi.yaml",
    "NoSuchBucket": "create the bucket, or name another one: organisation.yaml's backend.url, or Pulumi.yaml's",
    "connection refused": "nothing listens at the backend's address: check it in organisation.yaml or Pulumi.yaml",
    "get credentials": "log in to the cloud that holds the bucket, as `aws sso login` does, or export its credentials",
    "AccessDenied": "ask whoever owns the bucket to let you read and write it",
    "PULUMI_ACCESS_TOKEN": "export PULUMI_ACCESS_TOKEN, or run `pulumi login` with the address of Pulumi Cloud",
    "invalid access token": "export a PULUMI_ACCESS_TOKEN that holds, or run `pulumi login` with its address",
    "unexpected end of JSON": _STATE,
    "unexpected EOF": _STATE,
    "invalid character": _STATE,
    "snapshot integrity failure": "run `pulumi state repair` with --stack and its name, or restore the state file "
    "from .pulumi/backups",
    "unsupported checkpoint version": "a newer engine wrote the state: upgrade Handrail, or the pulumi on PATH",
}


def remedy_of(said: str) -> str | None:
    """What to do about what the engine said, where that is known."""
    return next((remedy for part, remedy in _REMEDIES.items() if part in said), None)
