"""What the jobs of a pipeline run: `python -m handrail.pipeline`. A workflow's step calls one of its commands, no more.

`review` is for the job that runs a pull request's own code: it reads and writes files alone. `comment` and `approvals`
are for a job of the default branch's, which has a token: they read what the first one wrote as data, and never its
code.
"""
