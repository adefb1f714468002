"""A plugin with every flaw that the conformance kit must find; `flaw` in its config chooses one."""

from __future__ import annotations

import os
import signal
import time
import uuid
from typing import Any, ClassVar

import dlt
import requests
from pydantic import SecretStr

from spark_plugins import contract


class Bad:
    name: ClassVar[str] = "bad"
    title: ClassVar[str] = "Bad"
    description: ClassVar[str] = "Everything that a plugin should not do."
    default_update_frequency_minutes: ClassVar[int] = 60
    min_update_frequency_minutes: ClassVar[int] = 5
    max_concurrent_fetches: ClassVar[int] = 1

    class Config(contract.Config):
        url: str
        flaw: str = ""

    class Credentials(contract.Credentials):
        token: SecretStr

    def fetch_data(self, config: Config, credentials: Credentials, context: Any) -> Any:
        token = credentials.token.get_secret_value()
        flaw = config.flaw
        if flaw == "prints its token":
            # Not by `sys`, which the runner scrubs: as a library in C would do.
            os.write(2, f"signing in with {token}\n".encode())
        if flaw == "sleeps through SIGTERM":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        session = context.session(only=[config.url])
        how: dict[str, Any] = {"write_disposition": "merge", "primary_key": "id"}
        if flaw == "appends":
            how = {"write_disposition": "append"}
        if flaw == "makes up its keys":
            how["primary_key"] = "key"

        @dlt.resource(name="items", **how)
        def items() -> Any:
            number = 1
            while number:
                try:
                    response = session.get(
                        f"{config.url}/items", params={"page": number, "token": token}
                    )
                    response.raise_for_status()
                    found = response.json()
                except requests.RequestException:
                    if flaw == "swallows errors":
                        return
                    if flaw == "sleeps through SIGTERM":
                        time.sleep(3600)
                    raise
                if flaw == "stores its token":
                    yield [{**item, "by": token} for item in found["items"]]
                elif flaw == "makes up its keys":
                    yield [{**item, "key": str(uuid.uuid4())} for item in found["items"]]
                elif flaw == "stops at an empty page" and not found["items"]:
                    return
                else:
                    yield found["items"]
                number = found["next"]

        return items
