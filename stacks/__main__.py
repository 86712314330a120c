"""The program that `pulumi up` runs for every stack of the sample company; stacks/config says what each one deploys."""

from handrail.personas import deploy

deploy()
