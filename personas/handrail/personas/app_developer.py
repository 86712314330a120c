"""The application developer's words."""

from handrail.personas._persona import Persona, Section, words

PERSONA = Persona(
    name="app-developer",
    sections={
        "services": Section(
            component="ScalableService",
            noun="service",
            words=words(
                """
                image port api scale cpu cpu_limit memory memory_limit env secrets health calls
                callers egress objective metrics data_classification
                """
            ),
        ),
        "jobs": Section(
            component="BatchJob",
            noun="job",
            words=words(
                """
                image command schedule time_zone cpu cpu_limit memory memory_limit env secrets calls
                egress parallel retries deadline keep freshness data_classification
                """
            ),
        ),
    },
    parts={
        "deployment": "replicas",
        "service": "address inside the cluster",
        "route": "public route",
        "autoscaler": "autoscaling",
        "disruption-budget": "disruption limit",
        "external-secret": "secrets",
        "cron-job": "schedule",
        "network-policy": "network access",
        "service-monitor": "metrics",
        "pod-monitor": "metrics",
        "alerts": "alerts",
        "dashboard": "dashboard",
    },
)
