{{- define "gvList" -}}
<!-- Made by `make reference` from api/v1alpha1. -->
# API reference

Each field of each kind, as `kubectl explain` tells it. How they work together: [concepts](concepts.md).
{{ range . }}{{ $group := . }}
| kind | what it is |
|---|---|
{{- range .SortedKinds }}{{ $type := $group.TypeForKind . }}
| [{{ . }}](#{{ lower . }}) | {{ template "firstSentence" $type.Doc }} |
{{- end }}

The rules between fields, which the API server checks, stand in the comments; what breaks one is refused with a message
that names the field.
{{ range .SortedKinds }}{{ $kind := . }}{{ template "type" ($group.TypeForKind .) }}
{{- range $part := list "Spec" "Status" }}{{ range $group.SortedTypes }}{{ if eq .Name (printf "%s%s" $kind $part) }}{{ template "type" . }}{{ end }}{{ end }}{{ end }}{{ end }}
# Types
{{ range .SortedTypes }}{{ if not (or .GVK (hasSuffix "Spec" .Name) (hasSuffix "Status" .Name)) }}{{ template "type" . }}{{ end }}{{ end }}
{{- end }}{{ end }}

{{- define "firstSentence" -}}
{{- $text := . | replace "\n" " " -}}
{{- regexFind "^.*?\\.( |$)" (printf "%s " $text) | trim -}}
{{- end }}
