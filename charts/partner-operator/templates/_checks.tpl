{{/* What the schema cannot say, or not in a way that people understand. */}}
{{- define "partner-operator.check" -}}
{{- with .Values -}}
{{- if not .portal.url -}}
{{- fail "portal.url is required: the public address of the portal, such as https://partners.example.com" -}}
{{- else if not (regexMatch "^https?://([^]/?#@:\\s[]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]+)?/?$" .portal.url) -}}
{{- fail (printf "portal.url must be a host without a path, such as https://partners.example.com, and is %q" .portal.url) -}}
{{- end -}}
{{- if and .smtp.url .smtp.urlKey -}}
{{- fail "smtp.url and smtp.urlKey say the same: set one of them" -}}
{{- end -}}
{{- if and .smtp.urlKey (not .smtp.existingSecret) -}}
{{- fail "smtp.urlKey is a key of the Secret that smtp.existingSecret names: set that too" -}}
{{- end -}}
{{- range .portal.trustedProxies -}}
{{- if not (regexMatch "^[0-9a-fA-F.:]+/[0-9]+$" .) -}}
{{- fail (printf "portal.trustedProxies holds %q: write networks, such as 10.0.0.0/8 and 192.168.1.7/32" .) -}}
{{- end -}}
{{- end -}}
{{- /* What is wrong with it is not repeated: it could be a password. */ -}}
{{- if regexMatch "^[^/]*//[^/?#]*:[^/?#]*@" .smtp.url -}}
{{- fail "smtp.url holds a password: put it into a Secret, and name that with smtp.existingSecret" -}}
{{- else if not (regexMatch "^(smtp://([^@:/?#\\s]+@)?[^@/?#\\s]+/?([?]tls=(starttls|implicit|none))?)?$" .smtp.url) -}}
{{- fail "smtp.url must be smtp://[user@]host:port?tls=starttls|implicit|none" -}}
{{- end -}}
{{- $user := contains "@" .smtp.url -}}
{{- if and .smtp.url (ne $user (not (empty .smtp.existingSecret))) -}}
{{- fail "a user in smtp.url, as in smtp://user@mail.example.com, and smtp.existingSecret with the password go together: set both or neither" -}}
{{- end -}}
{{- if and .events.url .events.existingSecret -}}
{{- fail "events.url and events.existingSecret say the same: set one of them" -}}
{{- end -}}
{{- if and (not .metrics.enabled) (or .prometheus.serviceMonitor.enabled .prometheus.rules.enabled) -}}
{{- fail "prometheus.serviceMonitor and prometheus.rules need metrics.enabled" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is required with httpRoute.enabled: the Gateways, such as [{name: public, namespace: gateways}]" -}}
{{- end -}}
{{- end -}}
{{- end -}}
