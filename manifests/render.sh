#!/bin/sh
# Writes install.yaml from the chart, into this folder or the one given. Needs helm (or HELM=path).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
namespace=spark-integrations
{
  cat <<END
# Written by manifests/render.sh from the chart: change that. For those without Helm; the CRDs first, as README.md shows.
apiVersion: v1
kind: Namespace
metadata:
  name: $namespace
  labels:
    pod-security.kubernetes.io/enforce: restricted
END
  # The labels that say Helm manages it are left out, since here it does not.
  "${HELM:-helm}" template "$namespace" "$here/../charts/spark-integrations" --namespace "$namespace" --include-crds --skip-tests \
    | sed -e '/^ *app\.kubernetes\.io\/managed-by: Helm$/d' -e '/^ *helm\.sh\/chart: /d' -e '/^# Source: /d' -e '/^$/d'
} > "$out/install.yaml"
