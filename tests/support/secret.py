"""A Secret on a scripted API server, and a pod that may write into it."""

import base64
import json

from spark_plugins.testing import json_answer

PATH = "/api/v1/namespaces/team-a/secrets/alice-secret"
MARK = "spark-integrations.dev/renewing"


class Secret:
    """A Secret on an API server that compares and sets; `on_write` answers before it does."""

    def __init__(self, service, **values):
        self.values, self.annotations, self.version = values, {}, 7
        self.on_write = lambda _body: None
        service.on(PATH, self)

    def __call__(self, request):
        assert request.header("Authorization") == "Bearer pod-token"
        if request.method == "PATCH":
            body = json.loads(request.body)
            if answer := self.on_write(body):
                return answer
            if body["metadata"]["resourceVersion"] != str(self.version):
                return json_answer({"message": "changed"}, 409)
            self.set(**{key: base64.b64decode(text).decode() for key, text in body["data"].items()})
            for key, value in body["metadata"]["annotations"].items():
                self.annotations[key] = value
                if value is None:
                    del self.annotations[key]
        encoded = {key: base64.b64encode(v.encode()).decode() for key, v in self.values.items()}
        metadata = {"resourceVersion": str(self.version), "annotations": self.annotations}
        return json_answer({"metadata": metadata, "data": encoded})

    def set(self, **values):
        self.values |= values
        self.version += 1


def written_back(pod, secret):
    """Mount the Secret as it is now, with the right to write it back."""
    pod.secret(**secret.values)
    pod.credentials["writeBackAccount"] = "spark-fetch-alice"
    (pod.base / "api").mkdir()
    (pod.base / "api" / "token").write_text("pod-token\n")
