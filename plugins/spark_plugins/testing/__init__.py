"""For the tests of plugins: a scripted HTTP service, and the conformance kit (`conformance`)."""

from spark_plugins.testing.service import Answer, Handler, Request, Service, json_answer

__all__ = ["Answer", "Handler", "Request", "Service", "json_answer"]
