"""The data scientist's words."""

from handrail.personas._persona import Persona, Section, words

PERSONA = Persona(
    name="data-scientist",
    sections={
        "notebooks": Section(
            component="NotebookEnv",
            noun="notebook",
            words=words(
                """
                image size storage idle_stop run_time_cap datasets internet env secrets calls
                data_classification
                """
            ),
        ),
        "jobs": Section(
            component="BatchJob",
            noun="job",
            words=words(
                """
                image notebook command parameters output schedule time_zone accelerator cpu memory
                retries deadline freshness reads writes trains env secrets calls data_classification
                """
            ),
        ),
        "endpoints": Section(
            component="GpuInferenceEndpoint",
            noun="endpoint",
            words=words(
                """
                model image accelerator scale datasets callers objective env secrets
                model_card evaluation training_run data_classification
                """
            ),
        ),
    },
    shared={"environment_image": "image"},
    parts={
        "stateful-set": "JupyterLab",
        "home": "disk",
        "stop": "stops by itself",
        "cron-job": "schedule",
        "deployment": "model server",
        "callers": "who may call",
        "external-secret": "secrets",
        "alerts": "alerts",
        "dashboard": "dashboard",
    },
)
