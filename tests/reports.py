"""A small report of a comparison, for tests of what is done with it."""

from handrail.preview.report import Change, FieldChange, Report, ResourceChange, StackChange, WorkloadChange
from handrail.preview.risk import Risk

SHA = "0123456789" * 4
REPORT = Report(
    base=SHA,
    head="working tree",
    complete=True,
    stacks=(
        StackChange(
            stack="payments-prod",
            risk=Risk.ROLLING_RESTART,
            workloads=(
                WorkloadChange(
                    name="checkout",
                    component="ScalableService",
                    sentence="image 2.7.1 → 2.8.0",
                    risk=Risk.ROLLING_RESTART,
                    resources=(
                        ResourceChange(
                            type="kubernetes:apps/v1:Deployment",
                            name="checkout-deployment",
                            change=Change.UPDATE,
                            risk=Risk.ROLLING_RESTART,
                            reason="the pod template changes",
                            fields=(
                                FieldChange(path="spec.template.spec.containers[app].image", before="a", after="b"),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
)
