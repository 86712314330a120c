"""The ML engineer's words."""

from handrail.personas._persona import Persona, Section, words

PERSONA = Persona(
    name="ml-engineer",
    sections={
        "endpoints": Section(
            component="GpuInferenceEndpoint",
            noun="endpoint",
            words=words(
                """
                model server image accelerator accelerators model_size model_cache scale rollout drain
                cpu cpu_limit memory memory_limit env secrets datasets calls callers egress objective
                model_card evaluation training_run data_classification
                """
            ),
        ),
        "jobs": Section(
            component="BatchJob",
            noun="job",
            words=words(
                """
                image command notebook parameters output schedule time_zone accelerator accelerators
                parallel retries deadline keep freshness reads writes trains cpu cpu_limit memory
                memory_limit env secrets calls egress data_classification
                """
            ),
        ),
    },
    shared={"environment_image": "image"},
    parts={
        "deployment": "replicas",
        "service": "address inside the cluster",
        "autoscaler": "scaling on its queue",
        "model-cache": "model cache",
        "callers": "who may call",
        "external-secret": "secrets",
        "cron-job": "schedule",
        "network-policy": "network access",
        "pod-monitor": "metrics",
        "alerts": "alerts",
        "dashboard": "dashboard",
    },
)
