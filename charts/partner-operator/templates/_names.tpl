{{/* The names and labels of the objects. */}}

{{- define "partner-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The longest suffix is -controllers, and names of ReplicaSets and pods add to that of the Deployment. */}}
{{- define "partner-operator.fullname" -}}
{{- $name := include "partner-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "partner-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "partner-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "partner-operator.labels" -}}
{{ include "partner-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "partner-operator.image" -}}
{{- with .Values.manager.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The hosts that people reach the portal at, without ports, as YAML. */}}
{{- define "partner-operator.hosts" -}}
{{- include "partner-operator.check" . -}}
{{- $hosts := list (urlParse .Values.portal.url).host -}}
{{- range concat $hosts .Values.portal.brandHosts | uniq }}
- {{ regexReplaceAll ":[0-9]+$" . "" | quote }}
{{- end -}}
{{- end -}}
