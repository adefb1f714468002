"""What stands under `spec.config` of an Integration of `rest`. Every list and string is bounded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from spark_plugins import contract
from spark_plugins.rest.fields import (
    BodyPath,
    ColumnType,
    FieldName,
    HeaderName,
    HeaderValue,
    JsonPath,
    Name,
    ParamName,
    Scalar,
    Url,
    no_secret_headers,
    reachable,
)
from spark_plugins.rest.paging_config import Pagination, body_paths
from spark_plugins.rest.sign_in_config import Auth, NoAuth

CursorValue = Annotated[str, StringConstraints(min_length=1, max_length=128)] | int | None

# The column that holds the value of a cursor which lies inside an object.
CURSOR_COLUMN = "cursor_value"


class Incremental(contract.Config):
    """Ask only for what is new. The place reached is kept in the destination, with the data."""

    cursor_path: Annotated[
        JsonPath,
        Field(description="Field of a record that grows, such as `updated_at` (JSON path)."),
    ]
    start_param: Annotated[
        ParamName | None,
        Field(description="Query parameter that takes the highest value seen so far."),
    ] = None
    start_body_path: Annotated[
        BodyPath | None,
        Field(
            description="Where that value stands in the body of a POST, instead of `startParam`."
        ),
    ] = None
    initial_value: Annotated[
        CursorValue,
        Field(description="Value of the first fetch; without it the parameter is left out."),
    ] = None
    end_param: Annotated[
        ParamName | None, Field(description="Query parameter that takes `endValue`.")
    ] = None
    end_body_path: Annotated[
        BodyPath | None,
        Field(description="Where `endValue` stands in the body of a POST, instead of `endParam`."),
    ] = None
    end_value: Annotated[
        CursorValue,
        Field(
            description="Fetch only below this value, from `initialValue` on, and the same range "
            "each time: for a closed period."
        ),
    ] = None
    lag: Annotated[
        int,
        Field(
            ge=0,
            le=31_536_000,
            description="How far before the highest value the next fetch begins: seconds for "
            "times, days for dates, else a number. For services whose records appear late or "
            "change while pages are read.",
        ),
    ] = 0
    row_order: Annotated[
        Literal["asc", "desc"] | None,
        Field(
            description="In which order of `cursorPath` the service gives the records, where it does. "
            "With `asc` a long fetch is loaded in pieces, and goes on from the last one if it is cut "
            "off; with `desc` it ends at what is known. A record out of order fails the fetch."
        ),
    ] = None
    on_missing: Annotated[
        Literal["fail", "include", "exclude"],
        Field(description="What becomes of a record without a value there."),
    ] = "fail"

    @property
    def goes_by_one_place(self) -> bool:
        """Whether it says what only a list with one place reached can keep."""
        return bool(self.lag or self.end_value is not None or self.row_order)

    @model_validator(mode="after")
    def _settings_go_together(self) -> Incremental:
        if self.start_param and self.start_body_path:
            raise ValueError("startParam and startBodyPath exclude each other")
        if self.end_param and self.end_body_path:
            raise ValueError("endParam and endBodyPath exclude each other")
        if self.row_order and self.on_missing == "include":
            # Those without a value have no place in the order, and come behind any that is reached.
            raise ValueError("rowOrder does not go with onMissing include")
        if (self.end_param or self.end_body_path) and self.end_value is None:
            raise ValueError("endParam and endBodyPath need endValue")
        if self.end_value is None:
            return self
        if self.initial_value is None:
            raise ValueError("endValue needs initialValue: a closed period has two ends")
        if self.lag:
            raise ValueError("lag makes no sense with endValue, which keeps no place")
        if isinstance(self.end_value, str) != isinstance(self.initial_value, str):
            raise ValueError("initialValue and endValue must be both text or both numbers")
        if self.initial_value > self.end_value:  # type: ignore[operator]
            raise ValueError("endValue is below initialValue")
        return self


class Parent(contract.Config):
    """Fetch once for each record of another resource."""

    resource: Annotated[
        Name, Field(description="Name of the other resource; it stands above this one.")
    ]
    bind: Annotated[
        dict[Name, JsonPath],
        Field(
            min_length=1,
            max_length=8,
            description="Placeholders, and for each the JSON path of its value in the other's "
            "record: `{number: number}` fills `{number}` in `path`, `params`, `body` and `form`.",
        ),
    ]
    include: Annotated[
        dict[Name, JsonPath],
        Field(
            default_factory=dict,
            max_length=16,
            description="Columns to add to each record here, and for each the JSON path of its "
            "value in the other's record.",
        ),
    ]


class Resource(contract.Config):
    """One table of the destination, filled from one address."""

    name: Annotated[Name, Field(description="Name of the table.")]
    path: Annotated[
        str,
        StringConstraints(min_length=1, max_length=512, pattern=r"^[^?#\\\s\x00-\x1f\x7f]+$"),
        Field(description="Path below `baseUrl`, without a query: that goes to `params`."),
    ]
    method: Annotated[
        Literal["GET", "POST"], Field(description="GET, or POST with `body` or `form`.")
    ] = "GET"
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        AfterValidator(no_secret_headers),
        Field(
            default_factory=dict,
            max_length=16,
            description="Headers of this resource's requests. Not a place for secrets.",
        ),
    ]
    params: Annotated[
        dict[ParamName, Scalar],
        Field(default_factory=dict, max_length=32, description="Query parameters."),
    ]
    body: Annotated[
        dict[str, Any] | None,
        Field(max_length=64, description="JSON body of a POST. Not a place for secrets."),
    ] = None
    form: Annotated[
        dict[ParamName, Scalar] | None,
        Field(
            max_length=64,
            description="Body of a POST as a form, instead of `body`. Not a place for secrets.",
        ),
    ] = None
    parent: Annotated[
        Parent | None, Field(description="Fetch once for each record of another resource.")
    ] = None
    data_selector: Annotated[
        JsonPath,
        Field(description="JSON path of the list of records in the answer; `$` is the answer."),
    ] = "$"
    primary_key: Annotated[
        list[FieldName],
        Field(
            min_length=1,
            max_length=8,
            description="Fields that identify a record: a newer version replaces the older one.",
        ),
    ]
    merge_key: Annotated[
        list[FieldName],
        Field(
            default_factory=list,
            max_length=8,
            description="Fields that identify a group which a fetch always brings whole: what is "
            "there of the group is replaced, so that deleted records go.",
        ),
    ]
    columns: Annotated[
        dict[FieldName, ColumnType],
        Field(
            default_factory=dict,
            max_length=128,
            description="Types of columns, where the first records would let guess wrong.",
        ),
    ]
    nesting: Annotated[
        int,
        Field(
            ge=0,
            le=3,
            description="So many levels of objects become columns, and of lists tables of their "
            "own. With 0 they stay in the record's row, as JSON.",
        ),
    ] = 0
    store: Annotated[
        bool,
        Field(description="`false` for a resource that is there only to be a parent."),
    ] = True
    ignore_status: Annotated[
        list[Annotated[int, Field(ge=400, le=499)]],
        Field(
            default_factory=list,
            max_length=8,
            description="Error statuses that mean an empty list, such as 404 for a child.",
        ),
    ]
    pagination: Annotated[
        Pagination | None,
        Field(description="How to get the next page; the `pagination` above all by default."),
    ] = None
    incremental: Annotated[Incremental | None, Field(description="Fetch only what is new.")] = None

    @field_validator("path")
    @classmethod
    def _below_the_base(cls, path: str) -> str:
        if "://" in path or path.startswith("//"):
            raise ValueError("a path below baseUrl is expected, not an address")
        if ".." in path.split("/"):
            raise ValueError("must not climb with ..")
        return path

    @field_validator("ignore_status")
    @classmethod
    def _statuses_that_mean_something_else(cls, statuses: list[int]) -> list[int]:
        for status in {401, 403, 407, 408, 425, 429} & set(statuses):
            # Such a table would stay empty, and nobody would ever know why.
            raise ValueError(f"{status} never means an empty list")
        return statuses

    @model_validator(mode="after")
    def _parts_fit(self) -> Resource:
        if (self.body is not None or self.form is not None) and self.method != "POST":
            raise ValueError("body and form need method POST")
        if self.body is not None and self.form is not None:
            raise ValueError("body and form exclude each other")
        incremental = self.incremental
        if incremental and self.parent and incremental.goes_by_one_place:
            raise ValueError("with a parent, incremental has neither lag nor endValue nor rowOrder")
        if incremental:
            for name, param in (
                ("startParam", incremental.start_param),
                ("endParam", incremental.end_param),
            ):
                if param is not None and param in self.params:
                    raise ValueError(f"incremental.{name} stands in params too")
            if (incremental.start_body_path or incremental.end_body_path) and not self.has_body:
                raise ValueError("incremental.startBodyPath and endBodyPath need method POST")
        for setting in body_paths(self.pagination):
            if not self.has_body:
                raise ValueError(f"pagination.{setting} needs method POST and no form")
        if self.nesting and self.merge_key:
            raise ValueError("mergeKey does not go with nesting")
        return self

    @property
    def has_body(self) -> bool:
        """Whether requests carry JSON, into which paging and cursor may be written."""
        return self.method == "POST" and self.form is None


class Config(contract.Config):
    """A JSON API: where it is, how to sign in, and what to fetch."""

    base_url: Annotated[
        Url,
        AfterValidator(reachable),
        Field(description="Address that every path is below, http or https, without a query."),
    ]
    headers: Annotated[
        dict[HeaderName, HeaderValue],
        AfterValidator(no_secret_headers),
        Field(
            default_factory=dict,
            max_length=32,
            description="Headers of every request. Not a place for secrets.",
        ),
    ]
    auth: Annotated[
        Auth,
        Field(
            description="How to sign in. The secrets are keys of the Secret in "
            "`spec.credentialsSecretName`."
        ),
    ] = NoAuth(type="none")
    pagination: Annotated[
        Pagination | None,
        Field(description="How to get the next page, where a resource does not say it."),
    ] = None
    resources: Annotated[
        list[Resource], Field(min_length=1, max_length=20, description="What to fetch.")
    ]

    @model_validator(mode="after")
    def _resources_fit(self) -> Config:
        above: set[str] = set()
        for resource in self.resources:
            if resource.name in above:
                raise ValueError(f'two resources have the name "{resource.name}"')
            if resource.parent and resource.parent.resource not in above:
                raise ValueError(
                    f'the parent of resource "{resource.name}" must stand above it in resources'
                )
            above.add(resource.name)
            if resource.pagination is None and not resource.has_body:
                for setting in body_paths(self.pagination):
                    raise ValueError(
                        f'pagination.{setting} does not fit resource "{resource.name}", which has '
                        "no JSON body: give it a pagination of its own"
                    )
        parents = {resource.parent.resource for resource in self.resources if resource.parent}
        for resource in self.resources:
            if not resource.store and resource.name not in parents:
                raise ValueError(
                    f'resource "{resource.name}" is neither stored nor the parent of another'
                )
        return self
