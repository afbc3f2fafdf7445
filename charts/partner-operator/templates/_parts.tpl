{{/*
The operator runs as one, or as two parts with pods and rights of their own. What is said of a part gets a scope: the root's
own things, and .Part, which is empty, controllers or portal.
*/}}

{{/* The parts, as YAML. */}}
{{- define "partner-operator.parts" -}}
{{- if .Values.portal.separate -}}
- controllers
- portal
{{- else -}}
- ""
{{- end -}}
{{- end -}}

{{/* The name of a part. */}}
{{- define "partner-operator.partName" -}}
{{- list (include "partner-operator.fullname" .) .Part | compact | join "-" -}}
{{- end -}}

{{/* What the pods of a part are found by. */}}
{{- define "partner-operator.partSelector" -}}
{{ include "partner-operator.selectorLabels" . }}
{{- with .Part }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* The labels of what a part is made of. */}}
{{- define "partner-operator.partLabels" -}}
{{ include "partner-operator.labels" . }}
{{- with .Part }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "partner-operator.serviceAccountName" -}}
{{- list (default (include "partner-operator.fullname" .) .Values.serviceAccount.name) .Part | compact | join "-" -}}
{{- end -}}

{{- define "partner-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "partner-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The rules of a generated role, as they are: of (root, kind, name). One that several parts name is in several files. */}}
{{- define "partner-operator.rules" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $name := index . 2 -}}
{{- $found := false -}}
{{- range $_, $text := $root.Files.Glob "files/rbac/*.yaml" -}}
{{- range regexSplit "(?m)^---$" (toString $text) -1 | compact -}}
{{- $role := fromYaml . -}}
{{- if and (not $found) (eq $role.kind $kind) (eq $role.metadata.name $name) -}}
{{- $found = true -}}
{{- toYaml $role.rules -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The ports that the pods of a part may reach: those of the values, and those of the addresses that it is told. */}}
{{- define "partner-operator.egressPorts" -}}
{{- $ports := .Values.networkPolicy.httpsPorts -}}
{{- if ne .Part "portal" -}}
{{- $ports = concat $ports .Values.networkPolicy.smtpPorts -}}
{{- range list .Values.smtp.url .Values.events.url -}}
{{- $port := regexFind ":[0-9]+($|[/?])" (trimPrefix "https:" . | trimPrefix "http:" | trimPrefix "smtp:") | trimAll ":/?" -}}
{{- if $port -}}
{{- $ports = append $ports (int $port) -}}
{{- else if hasPrefix "http:" . -}}
{{- $ports = append $ports 80 -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $seen := list -}}
{{- range $ports -}}
{{- if not (has (int .) $seen) -}}
{{- $seen = append $seen (int .) -}}
{{- end -}}
{{- end -}}
{{- toYaml $seen -}}
{{- end -}}
