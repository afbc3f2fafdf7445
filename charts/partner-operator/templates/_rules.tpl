{{/* The rules of a generated role, as they are: of (root, kind, name). */}}
{{- define "partner-operator.rules" -}}
{{- $root := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $name := index . 2 -}}
{{- range regexSplit "(?m)^---$" ($root.Files.Get "files/rbac/role.yaml") -1 | compact -}}
{{- $role := fromYaml . -}}
{{- if and (eq $role.kind $kind) (eq $role.metadata.name $name) -}}
{{- toYaml $role.rules -}}
{{- end -}}
{{- end -}}
{{- end -}}
