"""Frozen records of what the API server says, parsed once and read without surprises.

Parsing never raises for what a user or another program wrote: what is malformed counts as absent, or
is carried along as a ``problem`` that the deciding turns into a condition.
"""
