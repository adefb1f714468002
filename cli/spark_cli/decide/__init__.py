"""What a command says and selects, from what was gathered and a clock reading alone.

The rules of the operator are not written here a second time: they are asked, in ``spark_operator.decide``.
"""
