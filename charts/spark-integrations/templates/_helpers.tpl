{{/*
The name of everything that is there once: the release's, with the chart's unless it is in it already. It leaves room for what some names add to it
(`-metrics` at most), and is cut behind any name of a release, which Helm holds to 53 characters. A Service takes no dot and no digit in front.
*/}}
{{- define "spark.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}
{{- $name = printf "%s-%s" $name .Chart.Name -}}
{{- end -}}
{{- $name = $name | replace "." "-" | trunc 55 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the release cannot be called %s: its Services and roles would be called %s, and the name of a Service begins with a letter. Install it under another name" .Release.Name $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "spark.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "spark.labels" -}}
{{ include "spark.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "spark.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "spark.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* An image out of {repository, tag, digest}: (list $ .Values.image.runner) */}}
{{- define "spark.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* The namespaces that are served, as {"names": […]}: none for all of them. The release's own holds the Scheduler, so it is among them. */}}
{{- define "spark.watched" -}}
{{- $names := list -}}
{{- with .Values.watchNamespaces -}}
{{- $names = prepend . $.Release.Namespace | uniq -}}
{{- end -}}
{{- dict "names" $names | toJson -}}
{{- end -}}

{{/* Fails where the cluster lacks a kind of the Prometheus operator: (list $ "ServiceMonitor" "metrics.serviceMonitor.enabled") */}}
{{- define "spark.needsMonitoring" -}}
{{- $root := index . 0 -}}
{{- $kind := printf "monitoring.coreos.com/v1/%s" (index . 1) -}}
{{- if not ($root.Capabilities.APIVersions.Has $kind) -}}
{{- fail (printf "%s: this cluster does not serve %s. Install the CRDs of the Prometheus operator first, or leave it off. `helm template` is told of them by --api-versions %s" (index . 2) $kind $kind) -}}
{{- end -}}
{{- end -}}

{{/* Of what `helm test` makes: no selector of the operator's finds it. */}}
{{- define "spark.testLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: test
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}
