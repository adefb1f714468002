"""The operator of spark-integrations.

``model`` holds what is known, ``decide`` what to do about it, ``act`` does it, ``serve`` keeps the
three going: gather, decide, act. Only ``act`` talks to the API server; only ``serve`` knows kopf.
"""
