package main

import (
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// parse reads flags and variables, with what is required.
func parse(variables map[string]string, args ...string) (options, error) {
	environment := func(name string) (string, bool) {
		value, found := variables[name]
		return value, found
	}
	return parseOptions(args, environment, io.Discard)
}

const portalURL = "--portal-url=https://partners.example.com"

// told is what options say, in a form that tables can hold.
type told struct {
	Kubeconfig, OperatorNamespace              string
	LeaderElect                                bool
	Concurrency, ClientRate, AddressRate       int
	Portal, PortalAddress, TrustedProxies      string
	MetricsAddress, ProbeAddress               string
	MetricsSecure, LogClients                  bool
	UseSMTP, Development                       bool
	Server, User, PasswordFile, From, FromName string
	Helo, CAFile                               string
	Events                                     bool
	TLS                                        smtp.TLSMode
	Rate                                       float64
	MailMode                                   courier.Mode
	Controllers, PortalRuns                    bool
	Namespaces                                 []string
	Profiles, BrandHosts                       string
	IncludeSubdomains, RequireDomains          bool
	MaxConnections                             int
	SignIn, Session, Idle                      time.Duration
}

func tell(o options) told {
	proxies := make([]string, 0, len(o.trustedProxies))
	for _, p := range o.trustedProxies {
		proxies = append(proxies, p.String())
	}
	t := told{
		MailMode: o.mailMode, Events: o.receiver != nil,
		Controllers: o.runControllers, PortalRuns: o.runPortal, Namespaces: o.namespaces, Profiles: o.pprofAddress, IncludeSubdomains: o.includeSubdomains, MaxConnections: o.maxConnections,
		Kubeconfig: o.kubeconfig, OperatorNamespace: o.operatorNamespace, LeaderElect: o.leaderElect,
		Concurrency: o.concurrency, ClientRate: o.clientRate, AddressRate: o.addressRate,
		Portal: o.portal.Origin(), PortalAddress: o.portalAddress, TrustedProxies: strings.Join(proxies, " "),
		MetricsAddress: o.metricsAddress, ProbeAddress: o.probeAddress, MetricsSecure: o.metricsSecure, LogClients: o.logClients,
		SignIn: o.signInLifetime, Session: o.sessionLifetime, Idle: o.sessionIdle,
		UseSMTP: o.useSMTP, Development: o.log.Development,
		User: o.smtp.Username, PasswordFile: o.smtp.PasswordFile, TLS: o.smtp.TLS, Rate: o.mailRate, BrandHosts: o.brandSMTPHosts.String(),
		RequireDomains: o.requireSenderDomains, Helo: o.smtp.Helo, CAFile: o.smtp.CAFile,
	}
	if o.smtp.Host != "" {
		t.Server = o.smtp.Address()
	}
	if o.mailFrom != nil {
		t.From, t.FromName = o.mailFrom.Address, o.mailFrom.Name
	}
	return t
}

// defaults are what the flags say with nothing but the portal's address.
func defaults() told {
	return told{
		OperatorNamespace: "partner-operator-system", Concurrency: 16, ClientRate: 10, AddressRate: 2, MaxConnections: 4096,
		Portal: "https://partners.example.com", PortalAddress: ":8080", MetricsAddress: ":8443", ProbeAddress: ":8081", MetricsSecure: true, LogClients: true,
		From: "no-reply@partners.example.com", Helo: "partners.example.com", MailMode: courier.ModeSend, Controllers: true, PortalRuns: true,
		SignIn: 15 * time.Minute, Session: 720 * time.Hour,
	}
}

// certificate is one in PEM.
func certificate(t *testing.T) []byte {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestOptions(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, certificate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := func(f ...string) []string { return append([]string{portalURL}, f...) }
	type env map[string]string
	for name, test := range map[string]struct {
		args        []string
		environment env
		want        func(*told)
	}{
		"the defaults":       {args: flags(), want: func(*told) {}},
		"kubeconfig":         {args: flags("--kubeconfig=/etc/kubeconfig"), want: func(w *told) { w.Kubeconfig = "/etc/kubeconfig" }},
		"operator-namespace": {args: flags("--operator-namespace=acme-system"), want: func(w *told) { w.OperatorNamespace = "acme-system" }},
		"the namespace of the pod": {
			args: flags(), environment: env{"POD_NAMESPACE": "pod-system"}, want: func(w *told) { w.OperatorNamespace = "pod-system" },
		},
		"an empty namespace of the pod": {args: flags(), environment: env{"POD_NAMESPACE": ""}, want: func(*told) {}},
		"operator-namespace and that of the pod": {
			args: flags("--operator-namespace=acme-system"), environment: env{"POD_NAMESPACE": "pod-system"},
			want: func(w *told) { w.OperatorNamespace = "acme-system" },
		},
		"leader-elect":         {args: flags("--leader-elect"), want: func(w *told) { w.LeaderElect = true }},
		"concurrency":          {args: flags("--concurrency=4"), want: func(w *told) { w.Concurrency = 4 }},
		"with one dash":        {args: flags("-concurrency", "4"), want: func(w *told) { w.Concurrency = 4 }},
		"portal-bind-address":  {args: flags("--portal-bind-address=127.0.0.1:80"), want: func(w *told) { w.PortalAddress = "127.0.0.1:80" }},
		"metrics-bind-address": {args: flags("--metrics-bind-address=0"), want: func(w *told) { w.MetricsAddress = "0" }},
		"log-clients":          {args: flags("--log-clients=false"), want: func(w *told) { w.LogClients = false }},
		"metrics-secure":       {args: flags("--metrics-secure=false"), want: func(w *told) { w.MetricsSecure = false }},
		"pprof-bind-address":   {args: flags("--pprof-bind-address=127.0.0.1:6060"), want: func(w *told) { w.Profiles = "127.0.0.1:6060" }},
		"pprof-bind-address, by name and IPv6": {
			args: flags("--pprof-bind-address=localhost:1", "--pprof-bind-address=[::1]:6060"), want: func(w *told) { w.Profiles = "[::1]:6060" },
		},
		"pprof-bind-address 0":      {args: flags("--pprof-bind-address=0"), want: func(*told) {}},
		"health-probe-bind-address": {args: flags("--health-probe-bind-address=:9"), want: func(w *told) { w.ProbeAddress = ":9" }},
		"client-rate":               {args: flags("--client-rate=0"), want: func(w *told) { w.ClientRate = 0 }},
		"address-rate":              {args: flags("--address-rate=0"), want: func(w *told) { w.AddressRate = 0 }},
		"max-connections":           {args: flags("--max-connections=0"), want: func(w *told) { w.MaxConnections = 0 }},
		"hsts-include-subdomains":   {args: flags("--hsts-include-subdomains"), want: func(w *told) { w.IncludeSubdomains = true }},
		"mail-rate":                 {args: flags("--mail-rate=0.5"), want: func(w *told) { w.Rate = 0.5 }},
		"mail-mode send":            {args: flags("--mail-mode=send"), want: func(*told) {}},
		"mail-mode hold":            {args: flags("--mail-mode=hold"), want: func(w *told) { w.MailMode = courier.ModeHold }},
		"mail-mode log":             {args: flags("--mail-mode", "log"), want: func(w *told) { w.MailMode = courier.ModeLog }},
		"mail-mode twice":           {args: flags("--mail-mode=hold", "--mail-mode=send"), want: func(*told) {}},
		"sign-in-lifetime":          {args: flags("--sign-in-lifetime=10m"), want: func(w *told) { w.SignIn = 10 * time.Minute }},
		"the shortest for sign-in":  {args: flags("--sign-in-lifetime=1m"), want: func(w *told) { w.SignIn = time.Minute }},
		"the longest for sign-in":   {args: flags("--sign-in-lifetime=1h"), want: func(w *told) { w.SignIn = time.Hour }},
		"session-lifetime":          {args: flags("--session-lifetime=8h"), want: func(w *told) { w.Session = 8 * time.Hour }},
		"session-idle":              {args: flags("--session-idle=30m"), want: func(w *told) { w.Idle = 30 * time.Minute }},
		"session-idle 0":            {args: flags("--session-idle=0"), want: func(*told) {}},
		"session-idle from the environment": {
			args: flags(), environment: env{"PARTNER_OPERATOR_SESSION_IDLE": "2h"}, want: func(w *told) { w.Idle = 2 * time.Hour },
		},
		"brand-smtp-hosts": {
			args: flags("--brand-smtp-hosts=.Mail.example.com, 10.20.0.0/16"), want: func(w *told) { w.BrandHosts = "mail.example.com,10.20.0.0/16" },
		},
		"smtp-helo":            {args: flags("--smtp-helo=operator.example.com"), want: func(w *told) { w.Helo = "operator.example.com" }},
		"smtp-helo, a literal": {args: flags("--smtp-helo=[IPv6:2001:db8::1]"), want: func(w *told) { w.Helo = "[IPv6:2001:db8::1]" }},
		"smtp-helo from the environment": {
			args: flags(), environment: env{"PARTNER_OPERATOR_SMTP_HELO": "operator.example.com"}, want: func(w *told) { w.Helo = "operator.example.com" },
		},
		"smtp-helo beside a mail server": {
			args: flags("--smtp-url=smtp://mail.example.com", "--smtp-helo=operator.example.com"),
			want: func(w *told) {
				w.UseSMTP, w.Server, w.TLS, w.Helo = true, "mail.example.com:587", smtp.StartTLS, "operator.example.com"
			},
		},
		"smtp-ca-file": {
			args: flags("--smtp-url=smtp://mail.example.com", "--smtp-ca-file="+ca),
			want: func(w *told) { w.UseSMTP, w.Server, w.TLS, w.CAFile = true, "mail.example.com:587", smtp.StartTLS, ca },
		},
		"the portal alone needs no certificates of a mail server": {
			args: flags("--components=portal", "--smtp-url=smtp://mail.example.com", "--smtp-ca-file=/nowhere/at/all"),
			want: func(w *told) { w.Controllers, w.CAFile = false, "/nowhere/at/all" },
		},
		"require-sender-domains":  {args: flags("--require-sender-domains"), want: func(w *told) { w.RequireDomains = true }},
		"brand-smtp-hosts, empty": {args: flags(), environment: env{"PARTNER_OPERATOR_BRAND_SMTP_HOSTS": ""}, want: func(*told) {}},
		"mail-mode from the environment": {
			args: flags(), environment: env{"PARTNER_OPERATOR_MAIL_MODE": "hold"}, want: func(w *told) { w.MailMode = courier.ModeHold },
		},
		"a mail-mode goes before the environment": {
			args: flags("--mail-mode=send"), environment: env{"PARTNER_OPERATOR_MAIL_MODE": "hold"}, want: func(*told) {},
		},
		"components controllers":         {args: flags("--components=controllers"), want: func(w *told) { w.PortalRuns = false }},
		"components portal":              {args: flags("--components=portal"), want: func(w *told) { w.Controllers = false }},
		"components both":                {args: flags("--components=portal, controllers"), want: func(*told) {}},
		"components one after the other": {args: flags("--components=controllers", "--components=portal"), want: func(w *told) { w.Controllers = false }},
		"components from the environment": {
			args: flags(), environment: env{"PARTNER_OPERATOR_COMPONENTS": "portal"}, want: func(w *told) { w.Controllers = false },
		},
		"the portal alone needs no way to a mail server": {
			args: flags("--components=portal", "--smtp-url=smtp://acme@mail.example.com", "--smtp-password-file=/nowhere/at/all"),
			want: func(w *told) { w.Controllers, w.PasswordFile = false, "/nowhere/at/all" },
		},
		"namespaces":       {args: flags("--namespaces=globex, acme,globex"), want: func(w *told) { w.Namespaces = []string{"globex", "acme"} }},
		"empty namespaces": {args: flags("--namespaces="), environment: env{"PARTNER_OPERATOR_NAMESPACES": "acme"}, want: func(*told) {}},
		"namespaces from the environment": {
			args: flags(), environment: env{"PARTNER_OPERATOR_NAMESPACES": "acme"}, want: func(w *told) { w.Namespaces = []string{"acme"} },
		},
		"events-url": {args: flags("--events-url=https://crm.example.com/hooks/s3cr3t"), want: func(w *told) { w.Events = true }},
		"events-url from the environment": {
			args: flags(), environment: env{"PARTNER_OPERATOR_EVENTS_URL": "http://127.0.0.1/"}, want: func(w *told) { w.Events = true },
		},
		"zap-devel": {args: flags("--zap-devel"), want: func(w *told) { w.Development = true }},
		"trusted-proxies": {
			args: flags("--trusted-proxies= 10.0.0.0/8, 192.168.1.7/32 ,,fd00::/8,"),
			want: func(w *told) { w.TrustedProxies = "10.0.0.0/8 192.168.1.7/32 fd00::/8" },
		},
		"mail-from": {
			args: flags("--mail-from=Acme Partners <partners@acme.example>"),
			want: func(w *told) { w.From, w.FromName = "partners@acme.example", "Acme Partners" },
		},
		"smtp-url": {
			args: flags("--smtp-url=smtp://mail.example.com"),
			want: func(w *told) { w.UseSMTP, w.Server, w.TLS = true, "mail.example.com:587", smtp.StartTLS },
		},
		"smtp-url with a user": {
			args: flags("--smtp-url=smtp://acme@mail.example.com?tls=implicit", "--smtp-password-file="+password, "--mail-rate=7", "--concurrency=3"),
			want: func(w *told) {
				w.UseSMTP, w.Server, w.TLS, w.User, w.PasswordFile = true, "mail.example.com:465", smtp.Implicit, "acme", password
				w.Rate, w.Concurrency = 7, 3
			},
		},

		"from the environment": {
			environment: env{
				"PARTNER_OPERATOR_PORTAL_URL": "https://partners.example.com", "PARTNER_OPERATOR_LEADER_ELECT": "true",
				"PARTNER_OPERATOR_CONCURRENCY": "8", "PARTNER_OPERATOR_METRICS_BIND_ADDRESS": "0", "PARTNER_OPERATOR_ZAP_DEVEL": "true",
				"PARTNER_OPERATOR_OPERATOR_NAMESPACE": "acme-system", "POD_NAMESPACE": "pod-system",
			},
			want: func(w *told) {
				w.LeaderElect, w.Concurrency, w.MetricsAddress, w.OperatorNamespace, w.Development = true, 8, "0", "acme-system", true
			},
		},
		"a flag goes before the environment": {
			args: flags("--concurrency=4", "--leader-elect=false"),
			environment: env{
				"PARTNER_OPERATOR_PORTAL_URL": "https://elsewhere.example", "PARTNER_OPERATOR_CONCURRENCY": "8", "PARTNER_OPERATOR_LEADER_ELECT": "true",
			},
			want: func(w *told) { w.Concurrency = 4 },
		},
		"a flag that says the default goes before the environment": {
			args: flags("--concurrency=16"), environment: env{"PARTNER_OPERATOR_CONCURRENCY": "8"}, want: func(*told) {},
		},
		"a variable without the prefix": {args: flags(), environment: env{"CONCURRENCY": "8"}, want: func(*told) {}},

		"mail-from unset, the portal has a port": {
			args: []string{"--portal-url=http://partners.example.com:8080"},
			want: func(w *told) { w.Portal = "http://partners.example.com:8080" },
		},
		"mail-from unset, the portal is an IPv4 address": {
			args: []string{"--portal-url=http://127.0.0.1:8080"},
			want: func(w *told) { w.Portal, w.From, w.Helo = "http://127.0.0.1:8080", "no-reply@localhost", "" },
		},
		"mail-from unset, the portal is an IPv6 address": {
			args: []string{"--portal-url=http://[::1]:8080"},
			want: func(w *told) { w.Portal, w.From, w.Helo = "http://[::1]:8080", "no-reply@localhost", "" },
		},
		"mail-from unset, the portal is on localhost": {
			args: []string{"--portal-url=http://localhost:8080"},
			want: func(w *told) { w.Portal, w.From, w.Helo = "http://localhost:8080", "no-reply@localhost", "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(test.environment, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			want := defaults()
			test.want(&want)
			if diff := cmp.Diff(want, tell(o)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

// An error fits on one line and names what to change.
func TestOptionsAreRefused(t *testing.T) {
	type env map[string]string
	flags := func(f ...string) []string { return append([]string{portalURL}, f...) }
	for name, test := range map[string]struct {
		args        []string
		environment env
		names       string
		says        string
	}{
		"no portal-url":                    {nil, nil, "--portal-url", "is required"},
		"an empty portal-url":              {[]string{"--portal-url="}, nil, "--portal-url", "is required"},
		"portal-url without a scheme":      {[]string{"--portal-url=partners.example.com"}, nil, "--portal-url", "https://partners.example.com"},
		"portal-url with a path":           {[]string{"--portal-url=https://example.com/partners"}, nil, "--portal-url", "without a path"},
		"portal-url with a line break":     {[]string{"--portal-url=https://example.com\n"}, nil, "--portal-url", "must be an address"},
		"a flag that is not there":         {flags("--mail-mood=good"), nil, "-mail-mood", "--help"},
		"an argument":                      {flags("start"), nil, `"start"`, "--help"},
		"an argument of two lines":         {flags("start\nnow"), nil, `"start\nnow"`, "--help"},
		"concurrency of no number":         {flags("--concurrency=many"), nil, "-concurrency", "--help"},
		"concurrency of two lines":         {flags("--concurrency=4\n5"), nil, "-concurrency", "--help"},
		"no concurrency":                   {flags("--concurrency=0"), nil, "--concurrency", "at least 1"},
		"concurrency below zero":           {flags("--concurrency=-3"), nil, "--concurrency", "at least 1"},
		"leader-elect of no truth":         {flags("--leader-elect=maybe"), nil, "-leader-elect", "--help"},
		"client-rate below zero":           {flags("--client-rate=-1"), nil, "--client-rate", "negative"},
		"address-rate below zero":          {flags("--address-rate=-1"), nil, "--address-rate", "negative"},
		"max-connections below zero":       {flags("--max-connections=-1"), nil, "--max-connections", "negative"},
		"sign-in-lifetime too short":       {flags("--sign-in-lifetime=30s"), nil, "--sign-in-lifetime", "from 1m to 1h"},
		"sign-in-lifetime too long":        {flags("--sign-in-lifetime=61m"), nil, "--sign-in-lifetime", "from 1m to 1h"},
		"sign-in-lifetime with seconds":    {flags("--sign-in-lifetime=90s"), nil, "--sign-in-lifetime", "whole minutes"},
		"no sign-in-lifetime":              {flags("--sign-in-lifetime=0"), nil, "--sign-in-lifetime", "from 1m to 1h"},
		"session-lifetime too short":       {flags("--session-lifetime=0"), nil, "--session-lifetime", "1m or more"},
		"session-lifetime of no time":      {flags("--session-lifetime=30d"), nil, "-session-lifetime", "--help"},
		"session-idle too short":           {flags("--session-idle=1s"), nil, "--session-idle", "1m or more"},
		"session-idle below zero":          {flags("--session-idle=-1h"), nil, "--session-idle", "1m or more"},
		"mail-rate below zero":             {flags("--mail-rate=-0.1"), nil, "--mail-rate", "negative"},
		"mail-mode of another word":        {flags("--mail-mode=pause"), nil, "-mail-mode", "send, hold or log"},
		"mail-mode in capitals":            {flags("--mail-mode=HOLD"), nil, "-mail-mode", "send, hold or log"},
		"mail-mode of two words":           {flags("--mail-mode=hold,log"), nil, "-mail-mode", "send, hold or log"},
		"mail-mode of two lines":           {flags("--mail-mode=hold\nlog"), nil, "-mail-mode", `"hold\nlog"`},
		"an empty mail-mode":               {flags("--mail-mode="), nil, "-mail-mode", "send, hold or log"},
		"a variable of another mode":       {flags(), env{"PARTNER_OPERATOR_MAIL_MODE": "pause"}, "PARTNER_OPERATOR_MAIL_MODE", "send, hold or log"},
		"an empty variable of a mode":      {flags(), env{"PARTNER_OPERATOR_MAIL_MODE": ""}, "PARTNER_OPERATOR_MAIL_MODE", `""`},
		"no components":                    {flags("--components="), nil, "-components", "controllers, portal or controllers,portal"},
		"components with a gap":            {flags("--components=portal,"), nil, "-components", "controllers, portal or"},
		"a component that is none":         {flags("--components=portal,webhook"), nil, "-components", `"portal,webhook"`},
		"a component in capitals":          {flags("--components=Portal"), nil, "-components", "controllers, portal or"},
		"a variable of another part":       {flags(), env{"PARTNER_OPERATOR_COMPONENTS": "ui"}, "PARTNER_OPERATOR_COMPONENTS", "controllers, portal or"},
		"controllers, no portal-url":       {[]string{"--components=controllers"}, nil, "--portal-url", "is required"},
		"a namespace in capitals":          {flags("--namespaces=acme,Globex"), nil, "-namespaces", `"Globex" is no name`},
		"a namespace of two words":         {flags("--namespaces=acme globex"), nil, "-namespaces", "acme,globex"},
		"a namespace that is a pattern":    {flags("--namespaces=tenant-*"), nil, "-namespaces", `"tenant-*"`},
		"a namespace that is too long":     {flags("--namespaces=" + strings.Repeat("a", 64)), nil, "-namespaces", "is no name"},
		"a namespace without a name":       {flags("--namespaces=acme,"), nil, "-namespaces", `"" is no name`},
		"only a comma of namespaces":       {flags("--namespaces=,"), nil, "-namespaces", "leave it out"},
		"a variable of no namespace":       {flags(), env{"PARTNER_OPERATOR_NAMESPACES": "a\nb"}, "PARTNER_OPERATOR_NAMESPACES", "is no name"},
		"mail-rate of no number":           {flags("--mail-rate=fast"), nil, "-mail-rate", "--help"},
		"mail-rate that is not any":        {flags("--mail-rate=NaN"), nil, "--mail-rate", ""},
		"a proxy that is no network":       {flags("--trusted-proxies=10.0.0.0/8,10.0.0.1"), nil, "--trusted-proxies", `"10.0.0.1"`},
		"a proxy that is a name":           {flags("--trusted-proxies=proxy\nproxy"), nil, "--trusted-proxies", "10.0.0.0/8"},
		"a network that is too wide":       {flags("--trusted-proxies=10.0.0.0/33"), nil, "--trusted-proxies", `"10.0.0.0/33"`},
		"mail-from of no address":          {flags("--mail-from=Acme"), nil, "--mail-from", "partners@acme.example"},
		"mail-from of two lines":           {flags("--mail-from=Acme\n<a@b.example>"), nil, "--mail-from", "Acme"},
		"smtp-url without a scheme":        {flags("--smtp-url=mail.example.com"), nil, "--smtp-url", "smtp://"},
		"smtp-url with a password":         {flags("--smtp-url=smtp://acme:s3cret@mail.example.com"), nil, "--smtp-url", "--smtp-password-file"},
		"smtp-url with another tls":        {flags("--smtp-url=smtp://mail.example.com?tls=maybe"), nil, "--smtp-url", "starttls"},
		"smtp-url: a user, no password":    {flags("--smtp-url=smtp://acme@mail.example.com"), nil, "--smtp-password-file", "both or neither"},
		"smtp-url: a password, no user":    {flags("--smtp-url=smtp://mail.example.com", "--smtp-password-file=/dev/null"), nil, "--smtp-password-file", "both or neither"},
		"a password file that is gone":     {flags("--smtp-url=smtp://acme@mail.example.com", "--smtp-password-file=/nowhere/at/all"), nil, "--smtp-password-file", "/nowhere/at/all"},
		"a name for EHLO of two words":     {flags("--smtp-helo=mail example"), nil, "--smtp-helo", "mail.example.com"},
		"a name for EHLO of two lines":     {flags("--smtp-helo=mail\r\nQUIT"), nil, "--smtp-helo", "mail.example.com"},
		"an address for EHLO, unbracketed": {flags("--smtp-helo=192.0.2.1"), nil, "--smtp-helo", "[192.0.2.1]"},
		"an empty literal for EHLO":        {flags("--smtp-helo=[]"), nil, "--smtp-helo", "[192.0.2.1]"},
		"a CA file that is gone":           {flags("--smtp-url=smtp://mail.example.com", "--smtp-ca-file=/nowhere/at/all"), nil, "--smtp-ca-file", "/nowhere/at/all"},
		"a CA file with nothing in it":     {flags("--smtp-url=smtp://mail.example.com", "--smtp-ca-file=/dev/null"), nil, "--smtp-ca-file", "holds no certificate"},
		"a brand's server by a port":       {flags("--brand-smtp-hosts=mail.example.com:25"), nil, "-brand-smtp-hosts", "10.20.0.0/16"},
		"events-url of no address":         {flags("--events-url=crm.example.com/s3cret"), nil, "--events-url", "https://crm.example.com/"},
		"events-url with a password":       {flags("--events-url=https://acme:s3cret@crm.example.com"), nil, "--events-url", "secret path"},
		"a variable of no address":         {flags(), env{"PARTNER_OPERATOR_EVENTS_URL": "s3cret\n"}, "--events-url", "https://crm.example.com/"},
		"profiles for everybody":           {flags("--pprof-bind-address=:6060"), nil, "-pprof-bind-address", "on loopback"},
		"profiles on all addresses":        {flags("--pprof-bind-address=0.0.0.0:6060"), nil, "-pprof-bind-address", "on loopback"},
		"profiles without a port":          {flags("--pprof-bind-address=127.0.0.1"), nil, "-pprof-bind-address", "127.0.0.1:6060"},
		"a log level that is none":         {flags("--zap-log-level=loud"), nil, "-zap-log-level", "--help"},

		"a variable of no number":       {flags(), env{"PARTNER_OPERATOR_CONCURRENCY": "many"}, "PARTNER_OPERATOR_CONCURRENCY", `"many"`},
		"a variable of two lines":       {flags(), env{"PARTNER_OPERATOR_CONCURRENCY": "4\n5"}, "PARTNER_OPERATOR_CONCURRENCY", `"4\n5"`},
		"an empty variable of a number": {flags(), env{"PARTNER_OPERATOR_CONCURRENCY": ""}, "PARTNER_OPERATOR_CONCURRENCY", `""`},
		"a variable of no truth":        {flags(), env{"PARTNER_OPERATOR_LEADER_ELECT": "maybe"}, "PARTNER_OPERATOR_LEADER_ELECT", `"maybe"`},
		"a variable that is judged":     {nil, env{"PARTNER_OPERATOR_PORTAL_URL": "ftp://example.com"}, "--portal-url", "must be an address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.environment, test.args...)
			if err == nil || errors.Is(err, flag.ErrHelp) {
				t.Fatalf("error = %v", err)
			}
			for _, want := range []string{test.names, test.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %s", err, want)
				}
			}
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q is not one line", err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%q tells the password", err)
			}
		})
	}
}

// What the contract with users names, and what comes with the logger.
func TestHelpListsEveryFlag(t *testing.T) {
	documented := map[string]string{ // with the default, if one is worth telling
		"kubeconfig": "", "portal-url": "", "portal-bind-address": ":8080", "metrics-bind-address": ":8443", "metrics-secure": "true",
		"health-probe-bind-address": ":8081", "leader-elect": "", "operator-namespace": "", "smtp-url": "", "smtp-password-file": "", "smtp-helo": "", "smtp-ca-file": "",
		"mail-from": "", "mail-rate": "", "mail-mode": "send", "concurrency": "16", "trusted-proxies": "", "client-rate": "10", "address-rate": "2", "log-clients": "true",
		"sign-in-lifetime": "15m", "session-lifetime": "720h", "session-idle": "",
		"hsts-include-subdomains": "", "max-connections": "4096", "components": "controllers,portal", "namespaces": "", "events-url": "", "pprof-bind-address": "",
		"brand-smtp-hosts": "", "require-sender-domains": "",
		"zap-devel": "", "zap-encoder": "", "zap-log-level": "", "zap-stacktrace-level": "", "zap-time-encoding": "",
	}
	for _, ask := range []string{"--help", "-help", "-h"} {
		t.Run(ask, func(t *testing.T) {
			var help strings.Builder
			_, err := parseOptions([]string{ask}, func(string) (string, bool) { return "", false }, &help)
			if !errors.Is(err, flag.ErrHelp) {
				t.Fatalf("error = %v", err)
			}
			listed := map[string]bool{}
			for _, found := range regexp.MustCompile(`(?m)^  --([a-z-]+) .*\n((?:      .*\n)+)`).FindAllStringSubmatch(help.String(), -1) {
				listed[found[1]] = true
				usage := strings.TrimSpace(found[2])
				if len(usage) < 10 {
					t.Errorf("--%s is not explained: %q", found[1], usage)
				}
				if want := documented[found[1]]; want != "" && !strings.HasSuffix(usage, "(default "+want+")") {
					t.Errorf("--%s does not tell its default %s: %q", found[1], want, usage)
				}
				if _, known := documented[found[1]]; !known {
					t.Errorf("--%s is listed and not in this table", found[1])
				}
			}
			for name := range documented {
				if !listed[name] {
					t.Errorf("--%s is not listed", name)
				}
			}
			if !strings.Contains(help.String(), "PARTNER_OPERATOR_PORTAL_URL") {
				t.Error("it does not tell of the environment")
			}
		})
	}
}

func TestHelpIsPrintedOnlyWhenAskedFor(t *testing.T) {
	var help strings.Builder
	for _, args := range [][]string{{portalURL}, {"--concurrency=many"}, {"--mail-mood=good"}, {}} {
		_, _ = parseOptions(args, func(string) (string, bool) { return "", false }, &help)
	}
	if help.Len() > 0 {
		t.Errorf("printed %q", help.String())
	}
}

func TestTrustedProxiesAreNetworks(t *testing.T) {
	o, err := parse(nil, portalURL, "--trusted-proxies=10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.trustedProxies) != 1 || !o.trustedProxies[0].Contains(netip.MustParseAddr("10.1.2.3")) {
		t.Errorf("trusted are %v", o.trustedProxies)
	}
}

// What pages for people say of lifetimes is what the flags do without a word.
func TestPagesTellTheDefaultsOfLifetimes(t *testing.T) {
	links, sessions := withoutZeros(signin.DefaultLinkLifetime.String()), withoutZeros(signin.DefaultSessionLifetime.String())
	minutes, days := fmt.Sprintf("%d minutes", int(signin.DefaultLinkLifetime.Minutes())), fmt.Sprintf("%d days", int(signin.DefaultSessionLifetime.Hours()/24))
	for file, want := range map[string][]string{
		"../docs/operations.md":                  {"default " + links, "default " + sessions},
		"../docs/security.md":                    {"| a sign-in link, `--sign-in-lifetime` | " + links, "| a session, `--session-lifetime` | " + sessions, days},
		"../docs/portal.md":                      {minutes, days},
		"../docs/concepts.md":                    {minutes, days},
		"../charts/partner-operator/values.yaml": {"Unset: " + links, "Unset: " + sessions},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, each := range want {
			if !strings.Contains(string(text), each) {
				t.Errorf("%s does not say %q", file, each)
			}
		}
	}
}
