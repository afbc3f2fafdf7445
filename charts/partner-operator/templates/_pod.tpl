{{/* The flags of the operator. */}}
{{- define "partner-operator.args" -}}
{{- with .Part }}
- --components={{ . }}
{{- end }}
{{- if ne .Part "portal" }}
- --leader-elect
{{- end }}
{{- with .Values.namespaces }}
- --namespaces={{ join "," . }}
{{- end }}
{{- with .Values.manager.args }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What the values say to the operator, as variables. */}}
{{- define "partner-operator.env" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: PARTNER_OPERATOR_PORTAL_URL
  value: {{ .Values.portal.url | quote }}
{{- with .Values.mail.from }}
- name: PARTNER_OPERATOR_MAIL_FROM
  value: {{ . | quote }}
{{- end }}
{{- if .Values.mail.requireSenderDomains }}
- name: PARTNER_OPERATOR_REQUIRE_SENDER_DOMAINS
  value: "true"
{{- end }}
{{- if ne .Part "controllers" }}
{{- with .Values.portal.trustedProxies }}
- name: PARTNER_OPERATOR_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- if ne (int .Values.portal.maxConnections) 4096 }}
- name: PARTNER_OPERATOR_MAX_CONNECTIONS
  value: {{ int .Values.portal.maxConnections | quote }}
{{- end }}
{{- if .Values.portal.hstsIncludeSubdomains }}
- name: PARTNER_OPERATOR_HSTS_INCLUDE_SUBDOMAINS
  value: "true"
{{- end }}
{{- range $name, $lifetime := dict "SIGN_IN_LIFETIME" .Values.portal.signInLifetime "SESSION_LIFETIME" .Values.portal.sessionLifetime "SESSION_IDLE" .Values.portal.sessionIdle }}
{{- with $lifetime }}
- name: PARTNER_OPERATOR_{{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if ne .Part "portal" }}
{{- include "partner-operator.mailEnv" . }}
{{- end }}
{{- include "partner-operator.metricsEnv" . }}
{{- end -}}

{{/* The portal alone sends neither mail nor events, and knows no mail server. */}}
{{- define "partner-operator.mailEnv" -}}
{{- if ne .Values.mail.mode "send" }}
- name: PARTNER_OPERATOR_MAIL_MODE
  value: {{ .Values.mail.mode }}
{{- end }}
{{- with .Values.mail.rate }}
- name: PARTNER_OPERATOR_MAIL_RATE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.events }}
{{- if .existingSecret }}
- name: PARTNER_OPERATOR_EVENTS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .urlKey }}
{{- else if .url }}
- name: PARTNER_OPERATOR_EVENTS_URL
  value: {{ .url | quote }}
{{- end }}
{{- end }}
{{- with .Values.smtp }}
{{- with .brandHosts }}
- name: PARTNER_OPERATOR_BRAND_SMTP_HOSTS
  value: {{ join "," . | quote }}
{{- end }}
{{- if .urlKey }}
- name: PARTNER_OPERATOR_SMTP_URL
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .urlKey }}
{{- else if .url }}
- name: PARTNER_OPERATOR_SMTP_URL
  value: {{ .url | quote }}
{{- end }}
{{- if .existingSecret }}
- name: PARTNER_OPERATOR_SMTP_PASSWORD_FILE
  value: /etc/partner-operator/smtp/{{ .passwordKey }}
{{- end }}
{{- with .helo }}
- name: PARTNER_OPERATOR_SMTP_HELO
  value: {{ . | quote }}
{{- end }}
{{- if .caSecret }}
- name: PARTNER_OPERATOR_SMTP_CA_FILE
  value: /etc/partner-operator/smtp-ca/{{ .caKey }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "partner-operator.metricsEnv" -}}
{{- with .Values.metrics }}
{{- if not .enabled }}
- name: PARTNER_OPERATOR_METRICS_BIND_ADDRESS
  value: "0"
{{- else if ne (int .port) 8443 }}
- name: PARTNER_OPERATOR_METRICS_BIND_ADDRESS
  value: ":{{ .port }}"
{{- end }}
{{- if and .enabled (not .secure) }}
- name: PARTNER_OPERATOR_METRICS_SECURE
  value: "false"
{{- end }}
{{- end }}
{{- end -}}

{{/* All variables: what the values say, and then what people add. */}}
{{- define "partner-operator.allEnv" -}}
{{- $ours := include "partner-operator.env" . | fromYamlArray -}}
{{- $names := list -}}
{{- range $ours -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range .Values.manager.env -}}
{{- if has .name $names -}}
{{- fail (printf "manager.env sets %s, which is set by a value of its own" .name) -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $ours .Values.manager.env) -}}
{{- end -}}

{{- define "partner-operator.container" -}}
name: operator
image: {{ include "partner-operator.image" . }}
imagePullPolicy: {{ .Values.manager.image.pullPolicy }}
args:
{{- include "partner-operator.args" . }}
{{- with .Values.manager.envFrom }}
envFrom:
{{ toYaml . }}
{{- end }}
env:
{{ include "partner-operator.allEnv" . }}
ports:
{{- if ne .Part "controllers" }}
- name: portal
  containerPort: 8080
{{- end }}
{{- if .Values.metrics.enabled }}
- name: metrics
  containerPort: {{ .Values.metrics.port }}
{{- end }}
- name: probes
  containerPort: 8081
# A probe before the process listens is noted as a Warning, at each start.
livenessProbe:
  httpGet:
    path: /healthz
    port: probes
  initialDelaySeconds: 2
readinessProbe:
  httpGet:
    path: /readyz
    port: probes
  initialDelaySeconds: 2
  periodSeconds: 5
lifecycle:
  # Until every proxy has heard that this pod goes, it still gets requests.
  preStop:
    sleep:
      seconds: 2
{{- with eq .Part "portal" | ternary .Values.portal.resources .Values.manager.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.manager.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "partner-operator.volumeMounts" . }}
volumeMounts:
{{- . }}
{{- end }}
{{- end -}}

{{- define "partner-operator.volumeMounts" -}}
{{- if and .Values.smtp.existingSecret (ne .Part "portal") }}
- name: smtp
  mountPath: /etc/partner-operator/smtp
  readOnly: true
{{- end }}
{{- if and .Values.smtp.caSecret (ne .Part "portal") }}
- name: smtp-ca
  mountPath: /etc/partner-operator/smtp-ca
  readOnly: true
{{- end }}
{{- with .Values.manager.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "partner-operator.volumes" -}}
{{- if and .Values.smtp.existingSecret (ne .Part "portal") }}
- name: smtp
  secret:
    secretName: {{ .Values.smtp.existingSecret }}
{{- end }}
{{- if and .Values.smtp.caSecret (ne .Part "portal") }}
- name: smtp-ca
  secret:
    secretName: {{ .Values.smtp.caSecret }}
{{- end }}
{{- with .Values.manager.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "partner-operator.pod" -}}
serviceAccountName: {{ include "partner-operator.serviceAccountName" . }}
{{- with include "partner-operator.volumes" . }}
volumes:
{{- . }}
{{- end }}
containers:
- {{ include "partner-operator.container" . | indent 2 | trim }}
{{- with .Values.manager }}
# A mail that is being handed over is finished and recorded first.
terminationGracePeriodSeconds: {{ .terminationGracePeriodSeconds }}
{{- with .podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .imagePullSecrets }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
{{ toYaml . }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}
