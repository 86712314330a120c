"""The engine's questions, answered: Pulumi's analyzer protocol itself.

The package pulumi-policy is not used: it holds protobuf at version 5, keeps the stack's config to itself, and gives a
policy one level of enforcement, where a violation is refused and its waiver, or what is not known yet, is only said.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2 as analyzer
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerServicer, add_AnalyzerServicer_to_server

from handrail.core.errors import HandrailError
from handrail.core.project import project_file
from handrail.policy.chosen import NOT_NAMED, Chosen, choose
from handrail.policy.verdicts import Said, Seen, decide, linked, seen
from handrail.recorder._child.values import decode
from handrail.standards import Severity
from handrail.standards.standard import Standard
from handrail.standards.waivers import read_waivers

NAME = "handrail"
LARGEST = 400 * 1024 * 1024  # bytes of one message, as Pulumi's own SDK takes
_ORGANISATION, _WAIVERS = "organisation", "waivers"


class Pack(AnalyzerServicer):
    """One run of the engine: a preview or an update."""

    def __init__(self) -> None:
        self.chosen = Chosen()
        self.inputs: dict[str, Seen] = {}
        """What each resource was registered with: what is judged at the end as well, rather than its outputs."""

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802  the service's own name
        """Nothing to agree on."""
        return analyzer.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Handrail's version."""
        return plugin_pb2.PluginInfo(version=version(NAME))

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing: what holds, and how, is the organisation's to say."""
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Every answer is soon given."""
        return Empty()

    def Remediate(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing is changed behind its owner's back."""
        return analyzer.RemediateResponse()

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Find out whose standards hold, once for the stack."""
        file = project_file(Path.cwd())
        with _told(context):
            self.chosen = choose(request.config, os.environ, file.parent if file else Path.cwd())
        return analyzer.AnalyzerStackConfigureResponse()

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Each standard as a policy."""
        with _told(context):
            standards = self.chosen.standards()
        whole = self.chosen.organisation
        return analyzer.AnalyzerInfo(
            name=NAME,
            displayName="Handrail",
            version=version(NAME),
            description=f"{whole.name}'s standards" if whole else NOT_NAMED,
            policies=[_policy(standard) for standard in standards.values()],
        )

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Judge one resource before it is registered, by what can be said of it alone."""
        found = seen(request.urn, request.type, request.name, decode(request.properties))
        self.inputs[request.urn] = found
        return self._answer(context, [found], lambda standard: standard.alone)

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Judge all resources together, at the end, by what needs several of them."""
        found = [
            linked(
                self.inputs.get(each.urn) or seen(each.urn, each.type, each.name, decode(each.properties)),
                {key: of.urns for key, of in each.propertyDependencies.items()},
            )
            for each in request.resources
        ]
        return self._answer(context, found, lambda standard: not standard.alone, self._about())

    def _about(self) -> Iterator[Said]:
        """What is to be said once, of no resource."""
        whole, directory = self.chosen.organisation, self.chosen.directory
        if whole is None:
            yield Said(_ORGANISATION, "", NOT_NAMED, mandatory=False)
            return
        for fault in read_waivers(directory, whole, self.chosen.standards()).faults:
            yield Said(_WAIVERS, "", str(fault), mandatory=False)

    def _answer(
        self, context: Any, found: Iterable[Seen], asked: Callable[[Standard], bool], more: Iterable[Said] = ()
    ) -> Any:
        with _told(context):
            said = [*decide(found, self.chosen, asked), *more]
        return analyzer.AnalyzeResponse(diagnostics=[_diagnostic(each) for each in said])


def _policy(standard: Standard) -> Any:
    clause = standard.clause
    advisory = standard.severity is Severity.ADVISORY
    return analyzer.PolicyInfo(
        name=standard.id,
        displayName=clause.title,
        description=f"{clause.title}. {clause.remedy_for(None)}",
        enforcementLevel=analyzer.ADVISORY if advisory else analyzer.MANDATORY,
        policy_type=analyzer.POLICY_TYPE_RESOURCE if standard.alone else analyzer.POLICY_TYPE_STACK,
        remediation_steps=clause.remedy_for(None),
        url=clause.docs,
    )


def _diagnostic(said: Said) -> Any:
    return analyzer.AnalyzeDiagnostic(
        policyName=said.standard,
        policyPackName=NAME,
        policyPackVersion=version(NAME),
        message=said.text,
        urn=said.urn,
        enforcementLevel=analyzer.MANDATORY if said.mandatory else analyzer.ADVISORY,
    )


@contextmanager
def _told(context: Any) -> Iterator[None]:
    """What is wrong with an organisation's files ends the deployment, as text without a traceback."""
    try:
        yield
    except HandrailError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


def serve() -> None:
    """Answer the engine until it ends this process."""
    # one question at a time: the judge keeps what it compiled
    server = grpc.server(
        ThreadPoolExecutor(max_workers=1),
        options=[("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)],
    )
    add_AnalyzerServicer_to_server(Pack(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
