"""The dataset that an Integration gets where its user names none."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from spark_operator.model.destination import Destination, default_dataset, document

_names = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,60}[a-z0-9])?", fullmatch=True)


@given(namespace=_names, name=_names)
def test_every_default_dataset_is_a_name_that_each_destination_takes(
    namespace: str, name: str
) -> None:
    assert re.fullmatch(r"[a-z_][a-z0-9_]{0,47}", default_dataset(namespace, name))


def test_names_that_fold_to_the_same_text_stay_apart() -> None:
    assert default_dataset("a", "b-c") != default_dataset("a", "b.c")
    assert default_dataset("a-b", "c") != default_dataset("a", "b-c")


def test_a_dataset_that_is_given_is_taken() -> None:
    given_one = Destination("postgres", secret_name="w", dataset="mine")
    assert document(given_one, namespace="a", name="b")["dataset"] == "mine"


def test_duckdb_lies_on_the_default_claim_where_none_is_named() -> None:
    assert document(Destination("duckdb"), namespace="a", name="b")["claimName"] == "spark-data"
