{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}
## {{ $type.Name }}

{{ $type.Doc | trim | replace "<" "&lt;" | replace ">" "&gt;" }}
{{ if $type.IsAlias }}
Its type is {{ markdownRenderType $type.UnderlyingType }}{{ range $type.Validation }}; {{ template "rule" . }}{{ end }}.
{{ end }}
{{- if and $type.References (not $type.GVK) }}
Used in {{ range $i, $reference := $type.SortedReferences }}{{ if $i }}, {{ end }}{{ markdownRenderTypeLink $reference }}{{ end }}.
{{ end }}
{{- if $type.Members }}
| field | type | meaning |
|---|---|---|
{{ range $type.Members }}{{ if ne .Name "metadata" -}}
| `{{ .Name }}`{{ if has "Required: {}" .Validation }} **required**{{ end }} | {{ markdownRenderType .Type }} | {{ template "type_members" . }} |
{{ end }}{{ end -}}
{{ end }}
{{- if $type.EnumValues }}
| value | meaning |
|---|---|
{{ range $type.EnumValues -}}
| `{{ .Name }}` | {{ template "cell" .Doc }} |
{{ end -}}
{{ end }}
{{- end -}}
{{- end -}}
