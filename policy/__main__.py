"""The policy pack: what Pulumi starts beside a program, in whatever language that is, to judge what it registers."""

from handrail.policy import serve

if __name__ == "__main__":
    serve()
