"""What a scraper reads of a process: samples by name and labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Scrape:
    """One answer of /metrics. Refuses what Prometheus would refuse: a sample or a family that is there twice."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: list[Sample] = []
        self.types: dict[str, str] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.samples.append(Sample(sample.name, dict(sample.labels), sample.value))
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                name, type_ = line.split()[2:]
                assert name not in self.types, f"{name} is there twice"
                self.types[name] = type_
        keys = [(s.name, tuple(sorted(s.labels.items()))) for s in self.samples]
        assert len(keys) == len(set(keys)), "a series is there twice"

    @classmethod
    def of(cls, port: int) -> Scrape:
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30)
        answer.raise_for_status()
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return cls(answer.text)

    def matching(self, metric: str, /, **labels: str) -> Iterator[Sample]:
        """Those samples that have at least these labels; `class_` stands for `class`."""
        wanted = {key.rstrip("_"): value for key, value in labels.items()}
        for sample in self.samples:
            if (
                sample.name == f"spark_integrations_{metric}"
                and wanted.items() <= sample.labels.items()
            ):
                yield sample

    def value(self, metric: str, /, **labels: str) -> float | None:
        """Of the one such sample; None where there is none."""
        found = [sample.value for sample in self.matching(metric, **labels)]
        assert len(found) < 2, found
        return found[0] if found else None
