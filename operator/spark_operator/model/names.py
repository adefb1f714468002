"""The words that appear in YAML, labels, annotations and paths, in one place."""

GROUP = "spark-integrations.dev"
VERSION = "v1"
API_VERSION = f"{GROUP}/{VERSION}"

REQUESTED_AT = f"{GROUP}/requestedAt"
REQUESTED_MODE = f"{GROUP}/requestedMode"
REQUESTED_SINCE = f"{GROUP}/requestedSince"
RESET_AT = f"{GROUP}/resetAt"

MANAGED_BY = "spark-integrations"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_INTEGRATION_UID = f"{GROUP}/integration-uid"
LABEL_RUN = f"{GROUP}/run"
LABEL_SERVICE = f"{GROUP}/service"

DEFAULT_VOLUME_CLAIM = "spark-data"
