"""`handrail run`: start a job."""

from __future__ import annotations

from handrail.cli._options import Cwd, Name, Stack


def run(name: Name, stack: Stack = None, cwd: Cwd = None) -> None:
    """Start a run of a job now; where the cluster is a folder, print the Job for `kubectl create -f -`."""
    from handrail.cluster.run import cron_job_of, job_from, start
    from handrail.core.project import Project
    from handrail.personas._find import find_workload

    plan, prepared = find_workload(Project.find(cwd), name, stack)
    if plan.context.cluster.render:
        import yaml

        print(yaml.safe_dump(job_from(cron_job_of(prepared)), sort_keys=False), end="")
        return
    print(f"started {start(prepared, plan.context)} in {plan.context.namespace}")
