{{- define "type_members" -}}
{{- $field := . -}}
{{- template "cell" $field.Doc }}
{{- with $field.Default }} Default: `{{ . }}`.{{ end }}
{{- $rules := without $field.Validation "Required: {}" "Optional: {}" }}
{{- if $rules }} <br>{{ range $i, $rule := $rules }}{{ if $i }}; {{ end }}{{ template "rule" $rule }}{{ end }}{{ end }}
{{- end -}}

{{- define "cell" -}}{{- . | replace "\n" " " | replace "|" "\\|" | replace "<" "&lt;" | replace ">" "&gt;" | trim -}}{{- end -}}

{{- define "rule" -}}`{{- . | replace "`" "" | replace "|" "\\|" | replace "\n" " " -}}`{{- end -}}
