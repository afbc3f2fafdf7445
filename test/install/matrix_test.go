package install

// row is one way to set values.
type row struct {
	values string
	// shows is what the rendering then holds, and that of the default values does not.
	shows []string
}

// smtpUser is a mail server that wants a password.
const smtpUser = "smtp: {url: 'smtp://acme@mail.example.com:587', existingSecret: mail-password}"

// matrix sets each value at least once alone, or with what it cannot do without.
var matrix = map[string]row{
	"other part of the names": {"nameOverride: partners", []string{"app.kubernetes.io/name: partners", "name: partner-operator-partners-portal"}},
	"other names":             {"fullnameOverride: acme-partners", []string{"name: acme-partners-portal", "serviceAccountName: acme-partners"}},
	"labels for all":          {"commonLabels: {team: platform}", []string{"team: platform"}},

	"other portal":       {"portal: {url: 'https://p.acme.example:8443/'}", []string{`value: https://p.acme.example:8443/`}},
	"trusted proxies":    {"portal: {trustedProxies: [10.0.0.0/8, 'fd00::/8']}", []string{"value: 10.0.0.0/8,fd00::/8"}},
	"connections":        {"portal: {maxConnections: 1000000}", []string{"PARTNER_OPERATOR_MAX_CONNECTIONS", `value: "1000000"`}},
	"hsts of subdomains": {"portal: {hstsIncludeSubdomains: true}", []string{"PARTNER_OPERATOR_HSTS_INCLUDE_SUBDOMAINS", `value: "true"`}},
	"lifetimes": {
		"portal: {signInLifetime: 10m, sessionLifetime: 12h, sessionIdle: 30m}",
		[]string{"PARTNER_OPERATOR_SIGN_IN_LIFETIME", "value: 10m", "PARTNER_OPERATOR_SESSION_LIFETIME", "value: 12h", "PARTNER_OPERATOR_SESSION_IDLE", "value: 30m"},
	},
	"portal service": {
		"portal: {service: {type: LoadBalancer, port: 8080, annotations: {example.com/pool: public}}}",
		[]string{"type: LoadBalancer", "port: 8080", "example.com/pool: public"},
	},

	"some namespaces": {"namespaces: [acme, globex]", []string{"--namespaces=acme,globex", "namespace: globex", "name: partner-operator-tenant"}},
	"parts": {
		"portal: {separate: true, replicas: 3, resources: {requests: {cpu: 100m, memory: 96Mi}, limits: {memory: 256Mi}}}\nserviceAccount: {name: given}",
		[]string{"--components=controllers", "--components=portal", "replicas: 3", "memory: 96Mi", "serviceAccountName: given-portal", "serviceAccountName: given-controllers"},
	},
	"parts in some namespaces": {
		"portal: {separate: true}\nnamespaces: [acme]\nnetworkPolicy: {enabled: true}",
		[]string{"name: partner-operator-portal-tenant", "name: partner-operator-controllers-tenant"},
	},
	"own namespace": {"namespaces: [partner-operator-system]", []string{"--namespaces=partner-operator-system"}},

	"sender":    {`mail: {from: "Acme Partners <partners@acme.example>"}`, []string{"PARTNER_OPERATOR_MAIL_FROM", "value: Acme Partners <partners@acme.example>"}},
	"mail held": {"mail: {mode: hold}", []string{"PARTNER_OPERATOR_MAIL_MODE", "value: hold"}},
	"mail rate": {"mail: {rate: 0.5}", []string{"PARTNER_OPERATOR_MAIL_RATE", `value: "0.5"`}},

	"mail server":               {"smtp: {url: 'smtp://mail.example.com:25?tls=none'}", []string{"PARTNER_OPERATOR_SMTP_URL", "value: smtp://mail.example.com:25?tls=none"}},
	"mail server with password": {smtpUser, []string{"value: /etc/partner-operator/smtp/password", "secretName: mail-password"}},
	"other key of the password": {smtpUser + "\n---\nsmtp: {passwordKey: pw}", []string{"value: /etc/partner-operator/smtp/pw"}},
	"mail server from a Secret": {"smtp: {existingSecret: mail-password, urlKey: url}", []string{"secretKeyRef", "key: url"}},

	"name in EHLO":               {"smtp: {url: 'smtp://mail.example.com', helo: operator.example.com}", []string{"PARTNER_OPERATOR_SMTP_HELO", "value: operator.example.com"}},
	"address in EHLO":            {"smtp: {url: 'smtp://mail.example.com', helo: '[IPv6:2001:db8::1]'}", []string{"value: '[IPv6:2001:db8::1]'"}},
	"authority of our own":       {"smtp: {url: 'smtp://mail.example.com', caSecret: company-ca}", []string{"PARTNER_OPERATOR_SMTP_CA_FILE", "value: /etc/partner-operator/smtp-ca/ca.crt", "secretName: company-ca"}},
	"other key of the authority": {smtpUser + "\n---\nsmtp: {caSecret: company-ca, caKey: root.pem}", []string{"value: /etc/partner-operator/smtp-ca/root.pem"}},

	"receiver of events":               {"events: {url: 'https://crm.example.com/hook'}", []string{"PARTNER_OPERATOR_EVENTS_URL", "value: https://crm.example.com/hook"}},
	"receiver of events from a Secret": {"events: {existingSecret: events, urlKey: address}", []string{"secretKeyRef", "key: address"}},

	"replicas":        {"manager: {replicas: 1}", []string{"replicas: 1"}},
	"image":           {"manager: {image: {repository: registry.example.com/partner-operator, tag: v1.2.3, pullPolicy: Always}}", []string{"image: registry.example.com/partner-operator:v1.2.3", "imagePullPolicy: Always"}},
	"image by digest": {"manager: {image: {digest: 'sha256:0123456789012345678901234567890123456789012345678901234567890123'}}", []string{"image: partner-operator@sha256:0123"}},
	"pull secrets":    {"manager: {imagePullSecrets: [{name: registry}]}", []string{"imagePullSecrets:", "name: registry"}},
	"flags":           {"manager: {args: [--concurrency=32, --zap-log-level=debug]}", []string{"--concurrency=32", "--zap-log-level=debug"}},
	"variables":       {"manager: {env: [{name: HTTPS_PROXY, value: 'http://proxy.example:3128'}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}", []string{"name: HTTPS_PROXY", "fieldPath: spec.nodeName"}},
	"more variables":  {"manager: {envFrom: [{configMapRef: {name: more}}]}", []string{"envFrom:", "name: more"}},
	"volumes": {
		"manager: {extraVolumes: [{name: ca, configMap: {name: ca}}], extraVolumeMounts: [{name: ca, mountPath: /etc/ssl/certs, readOnly: true}]}",
		[]string{"configMap:", "mountPath: /etc/ssl/certs"},
	},
	"resources":             {"manager: {resources: {requests: {cpu: 200m, memory: 128Mi}, limits: {memory: 1Gi}}}", []string{"cpu: 200m", "memory: 128Mi", "memory: 1Gi"}},
	"labels of pods":        {"manager: {podLabels: {cost-center: '42'}}", []string{`cost-center: "42"`}},
	"annotations of pods":   {"manager: {podAnnotations: {example.com/restarted: today}}", []string{"example.com/restarted: today"}},
	"security of pods":      {"manager: {podSecurityContext: {fsGroup: 65532}}", []string{"fsGroup: 65532", "runAsNonRoot: true"}},
	"security of container": {"manager: {securityContext: {runAsUser: 65532}}", []string{"runAsUser: 65532", "readOnlyRootFilesystem: true"}},
	"strategy":              {"manager: {strategy: {rollingUpdate: {maxUnavailable: 0}}}", []string{"strategy:", "maxUnavailable: 0"}},
	"grace":                 {"manager: {terminationGracePeriodSeconds: 120}", []string{"terminationGracePeriodSeconds: 120"}},
	"priority":              {"manager: {priorityClassName: important}", []string{"priorityClassName: important"}},
	"nodes":                 {"manager: {nodeSelector: {disk: ssd}}", []string{"nodeSelector:", "disk: ssd"}},
	"taints":                {"manager: {tolerations: [{key: spot, operator: Exists}]}", []string{"tolerations:", "key: spot"}},
	"neighbours":            {"manager: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: Exists}]}]}}}}", []string{"affinity:"}},
	"spread": {
		"manager: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app.kubernetes.io/name: partner-operator}}}]}",
		[]string{"topologySpreadConstraints:"},
	},

	"disruptions in percent": {"podDisruptionBudget: {maxUnavailable: 50%}", []string{"maxUnavailable: 50%"}},
	"no disruption budget":   {"podDisruptionBudget: {enabled: false}", nil},
	"no rights":              {"rbac: {create: false}", nil},
	"links in some":          {"rbac: {linkNamespaces: [acme]}", []string{"name: partner-operator-links", "kind: RoleBinding"}},
	"links everywhere":       {"rbac: {linkNamespaces: ['*']}", []string{"name: partner-operator-links"}},
	"links of the parts":     {"rbac: {linkNamespaces: [acme]}\nportal: {separate: true}", []string{"name: partner-operator-controllers-links"}},
	"no roles for people":    {"rbac: {helpers: {enabled: false}}", nil},
	"policies":               {"policy: {enabled: true}", []string{"kind: ValidatingAdmissionPolicy", "- Deny"}},
	"policies to be tried": {
		"policy: {enabled: true, validationActions: [Warn, Audit], matchResources: {namespaceSelector: {matchLabels: {guarded: 'yes'}}}}",
		[]string{"- Warn", "namespaceSelector:", `guarded: "yes"`},
	},
	"no account":             {"serviceAccount: {enabled: false, name: given}", []string{"serviceAccountName: given", ":given-controllers'"}},
	"annotations of account": {"serviceAccount: {annotations: {example.com/role: mail}}", []string{"example.com/role: mail"}},
	"nothing said of kinds":  {"crd: {}\nmanager: {replicas: 3}", []string{"kind: CustomResourceDefinition"}},
	"no kinds":               {"crd: {enabled: false}", nil},
	"kinds go too":           {"crd: {keep: false}", nil},

	"ingress": {
		"ingress: {enabled: true, className: nginx, annotations: {cert-manager.io/cluster-issuer: acme}, tlsSecret: portal-tls}\n---\nportal: {brandHosts: ['brand.example:8443']}",
		[]string{"ingressClassName: nginx", "cert-manager.io/cluster-issuer: acme", "secretName: portal-tls", "host: partners.example.com", "host: brand.example"},
	},
	"ingress without anything": {"ingress: {enabled: true}", []string{"kind: Ingress"}},
	"route": {
		"httpRoute: {enabled: true, parentRefs: [{name: public, namespace: gateways}], annotations: {example.com/a: b}}",
		[]string{"kind: HTTPRoute", "name: public", "- partners.example.com", "example.com/a: b"},
	},

	"no metrics":       {"metrics: {enabled: false}", []string{"PARTNER_OPERATOR_METRICS_BIND_ADDRESS", `value: "0"`}},
	"metrics in clear": {"metrics: {secure: false, port: 9090}", []string{"PARTNER_OPERATOR_METRICS_SECURE", "containerPort: 9090", "value: :9090"}},

	"service monitor": {
		"prometheus: {serviceMonitor: {enabled: true, labels: {release: prometheus}, interval: 15s}}",
		[]string{"kind: ServiceMonitor", "release: prometheus", "interval: 15s", "scheme: https"},
	},
	"service monitor in clear": {
		"prometheus: {serviceMonitor: {enabled: true}}\nmetrics: {secure: false}", []string{"kind: ServiceMonitor", "scheme: http\n"},
	},
	"alerts": {
		"prometheus: {rules: {enabled: true, labels: {release: prometheus}}}\nfullnameOverride: acme",
		[]string{"kind: PrometheusRule", "release: prometheus", `job="acme-metrics"`, "{{ $labels."},
	},
	"dashboard": {
		"prometheus: {dashboard: {enabled: true, labels: {grafana_dashboard: here}, annotations: {folder: Partners}}}",
		[]string{"partner-operator.json", "grafana_dashboard: here", "folder: Partners"},
	},

	"sender domains": {
		"portal: {separate: true}\nmail: {requireSenderDomains: true}", []string{"PARTNER_OPERATOR_REQUIRE_SENDER_DOMAINS", `value: "true"`},
	},
	"mail servers of brands": {
		"smtp: {brandHosts: [mail.acme.example, 10.20.0.0/16]}", []string{"PARTNER_OPERATOR_BRAND_SMTP_HOSTS", "value: mail.acme.example,10.20.0.0/16"},
	},

	"network policy": {"portal: {separate: true}", []string{"kind: NetworkPolicy", "port: 587", "port: 2525", "port: 6443", "port: 5353"}},
	"network policy for unusual ports": {
		"smtp: {url: 'smtp://[2001:db8::1]:1025?tls=none'}\nevents: {url: 'https://crm.example.com:9443/hooks'}", []string{"port: 1025", "port: 9443"},
	},
	"no network policy": {"networkPolicy: {enabled: false}", nil},
	"strict network policy": {
		"networkPolicy: {enabled: true, portalFrom: [{namespaceSelector: {matchLabels: {ingress: 'yes'}}}], metricsFrom: [{podSelector: {}}], smtpPorts: [2525], httpsPorts: [8443], extraEgress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
		[]string{`ingress: "yes"`, "port: 2525", "port: 8443", "cidr: 10.0.0.0/8"},
	},

	"further objects": {"extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: more, namespace: partner-operator-system}, data: {a: b}}]", []string{"name: more"}},

	"all on": {
		smtpUser + `
---
namespaces: [acme, globex]
portal: {separate: true, trustedProxies: [10.0.0.0/8], brandHosts: [brand.example]}
mail: {from: partners@acme.example, mode: log, rate: 10}
ingress: {enabled: true, className: nginx, tlsSecret: portal-tls}
httpRoute: {enabled: true, parentRefs: [{name: public}]}
networkPolicy: {enabled: true}
policy: {enabled: true}
events: {existingSecret: events}
prometheus: {serviceMonitor: {enabled: true}, rules: {enabled: true}, dashboard: {enabled: true}}
manager: {priorityClassName: important}
`,
		[]string{"kind: Ingress", "kind: HTTPRoute", "kind: NetworkPolicy", "priorityClassName"},
	},
	"all off": {
		`
crd: {enabled: false}
rbac: {create: false, helpers: {enabled: false}}
serviceAccount: {enabled: false}
networkPolicy: {enabled: false}
podDisruptionBudget: {enabled: false}
metrics: {enabled: false}
`,
		nil,
	},
}
