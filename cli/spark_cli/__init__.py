"""``kubectl spark``: what a person does with Integrations, in the way users of kubectl expect."""

PROGRAM = "kubectl spark"
COMPLETE_VARIABLE = "_KUBECTL_SPARK_COMPLETE"
