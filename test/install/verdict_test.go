package install

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// verdicts are values that become flags, by the flag. The chart and the operator take the
// same ones, so that what is wrong is said before pods start, and nothing that is right is refused.
var verdicts = map[string]struct {
	// value is where the chart has it; [] behind it: one of a list.
	value     string
	good, bad []string
}{
	"portal-url": {value: "portal.url",
		good: []string{"https://partners.example.com", "http://localhost:8080/", "https://[2001:db8::1]:8443", "https://bücher.example"},
		bad:  []string{"ftp://partners.example.com", "partners.example.com", "https://a_b.example.com", "https://-a.example.com", "https://u:p@partners.example.com", "https://partners.example.com/x", "https://partners.example.com?x=1", "https://[::1", "https://a..example"},
	},
	"trusted-proxies": {value: "portal.trustedProxies[]",
		good: []string{"10.0.0.0/8", "192.168.1.7/32", "0.0.0.0/0", "fd00::/8", "::1/128", "::ffff:10.0.0.0/104", "2001:db8:0:1:2:3:4:5/64", "2001:DB8::7/64"},
		bad:  []string{"10.0.0.0/33", "10.0.0.1", "10.0.0/8", "256.0.0.0/8", "010.0.0.0/8", "10.0.0.0/08", "fd00::/129", "1::2::3/64", "fd00/8", "12345::/16", "1:2:3:4:5:6:7:8:9/64", "fe80::1%eth0/64", "any"},
	},
	"max-connections":         {value: "portal.maxConnections", good: []string{"0", "8192"}, bad: []string{"-1", "many", "1.5"}},
	"hsts-include-subdomains": {value: "portal.hstsIncludeSubdomains", good: []string{"true"}, bad: []string{"maybe"}},
	"sign-in-lifetime":        {value: "portal.signInLifetime", good: []string{"1m", "15m", "1h", "0h59m", "60m0s"}, bad: []string{"59s", "2h", "1h1m", "90s", "0s", "soon", "1d"}},
	"session-lifetime":        {value: "portal.sessionLifetime", good: []string{"1m", "60s", "720h"}, bad: []string{"59s", "0s", "30d", "-1h"}},
	"session-idle":            {value: "portal.sessionIdle", good: []string{"1m", "24h", "0s"}, bad: []string{"59s", "1s", "1d"}},
	"namespaces":              {value: "namespaces[]", good: []string{"acme", "acme-2"}, bad: []string{"Acme", "acme_2", "-acme", "a.b"}},

	"mail-from": {value: "mail.from",
		good: []string{"partners@acme.example", "Acme Partners <partners@acme.example>", "<partners@acme.example>", `"Acme, Inc." <partners@acme.example>`, `Acme "the" Partners <a.b+c@acme.example>`, "Bücher <partners@bücher.example>", "=?utf-8?q?Caf=C3=A9?= <partners@acme.example>", "Acme Inc. <no-reply@localhost>"},
		bad:  []string{"Bad <x", "Acme", "partners@", "@acme.example", "Acme, Inc. <partners@acme.example>", "a@b@acme.example", "a..b@acme.example", "zoë@acme.example", "partners@a_b.example", "a@acme.example, b@acme.example", "Acme <partners@acme.example> now", "partners@[192.0.2.1]"},
	},
	"mail-mode":              {value: "mail.mode", good: []string{"hold", "log"}, bad: []string{"pause", "HOLD"}},
	"mail-rate":              {value: "mail.rate", good: []string{"0.5", "20"}, bad: []string{"-1", "fast"}},
	"require-sender-domains": {value: "mail.requireSenderDomains", good: []string{"true"}, bad: []string{"maybe"}},

	"smtp-url": {value: "smtp.url",
		good: []string{"smtp://mail.example.com", "smtp://mail.example.com:65535", "smtp://mail_relay:25?tls=none", "smtp://[2001:db8::1]:465?tls=implicit", "smtp://mail.example.com:/", "smtp://10.0.0.1:1"},
		bad:  []string{"smtp://mail.example.com:99999", "smtp://mail.example.com:65536", "smtp://mail.example.com:0", "smtp://mail.example.com:smtp", "smtp://", "smtps://mail.example.com", "smtp://mail.example.com?tls=maybe", "smtp://mail.example.com/x", "smtp://mail example.com", "smtp://[2001:db8::1", "smtp://acme:s3cret@mail.example.com", "smtp://mail.example.com#x", "smtp://{host}", "mail.example.com:25"},
	},
	"smtp-helo": {value: "smtp.helo",
		good: []string{"mail.example.com", "mail", "[192.0.2.1]", "[IPv6:2001:db8::1]", "xn--bcher-kva.example"},
		bad:  []string{"192.0.2.1", "mail example", "-mail", "mail.example.com.", "a..b", "a_b", "[300.0.0.1]", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[mail]", "bücher.example"},
	},
	"brand-smtp-hosts": {value: "smtp.brandHosts[]",
		good: []string{"mail.example.com", ".example.com", "mail", "10.20.0.0/16", "10.0.0.1", "fd00::/8", "2001:db8::1", "Mail.Example.COM", "mail.example.com.", "bücher.example"},
		bad:  []string{"mail.example.com:25", "10.20.0.0/33", "10.20.0", "256.0.0.1", "a_b.example", "-a.example", "smtp://mail.example.com", "*.example.com", "fd00::/129", "..example.com", "a..b", "5"},
	},

	"events-url": {value: "events.url",
		good: []string{"https://crm.example.com/hooks/partners", "http://crm:8080", "https://crm.example.com?key=a%20b", "https://[2001:db8::1]:9443/a%2Fb", "https://crm.example.com/a b"},
		bad:  []string{"ftp://crm.example.com/s3cret", "crm.example.com", "https://", "https:///s3cret", "https://u:s3cret@crm.example.com", "https://s3cret@crm.example.com/x", "https://crm.example.com/s3cret#x", "https://crm.example.com/%zz", "https://crm example.com", "https://crm.example.com:https/", "https://[::1"},
	},
	"metrics-secure": {value: "metrics.secure", good: []string{"false"}, bad: []string{"maybe"}},
}

// judgedElsewhere are the flags of the chart without such a value.
var judgedElsewhere = map[string]string{
	"components": "the chart writes it", "leader-elect": "the chart writes it",
	"smtp-password-file": "it is a path below the chart's mount", "smtp-ca-file": "it is a path below the chart's mount",
	"metrics-bind-address": "the operator finds out whether it can listen there; the schema bounds the port",
}

// A value is refused by the chart and by the operator, or by neither.
func TestChartAndOperatorTakeTheSame(t *testing.T) {
	for flag, rows := range verdicts {
		for i, text := range slices.Concat(rows.good, rows.bad) {
			t.Run(flag+"/"+text, func(t *testing.T) {
				t.Parallel()
				want := i < len(rows.good)
				set, byChart := chartTakes(t, flag, valueAt(rows.value, text))
				if byChart != nil == want {
					t.Errorf("the chart: %v, want it taken: %t", byChart, want)
				}
				if byChart == nil && set != text {
					t.Errorf("the chart makes %q of it", set)
				}
				if byOperator := operatorTakes(t, flag, text); byOperator != nil == want {
					t.Errorf("the operator: %v, want it taken: %t", byOperator, want)
				}
				if byChart != nil && strings.Contains(byChart.Error(), "s3cret") {
					t.Errorf("%v repeats what may be secret", byChart)
				}
			})
		}
		if len(rows.good) == 0 || len(rows.bad) == 0 {
			t.Errorf("--%s has no good value, or no bad one", flag)
		}
	}
	for _, flag := range flagsOfTheChart(t) {
		if _, judged := verdicts[flag]; !judged && judgedElsewhere[flag] == "" {
			t.Errorf("the chart sets --%s, and nothing tells which values are good", flag)
		}
	}
}

// valueAt is a text of YAML with one value: a number or a truth value if it is one, and else a text. A path that ends in []
// leads to a list.
func valueAt(path, text string) string {
	value := fmt.Sprintf("%q", text)
	if regexp.MustCompile(`^(-?[0-9.]+|true|false)$`).MatchString(text) && !strings.HasSuffix(path, "[]") {
		value = text
	}
	if list, is := strings.CutSuffix(path, "[]"); is {
		path, value = list, "["+value+"]"
	}
	parts := strings.Split(path, ".")
	for _, part := range slices.Backward(parts) {
		value = "{" + part + ": " + value + "}"
	}
	return value
}

// chartTakes is what the chart sets a flag to, or why it refuses the value.
func chartTakes(t *testing.T, flag, text string) (set string, err error) {
	t.Helper()
	objects, _, err := template(t, required, withoutKinds, text)
	if err != nil {
		return "", err
	}
	container := as[appsv1.Deployment](t, only(objects, "Deployment")[0]).Spec.Template.Spec.Containers[0]
	for _, arg := range container.Args {
		if value, is := strings.CutPrefix(arg, "--"+flag+"="); is {
			return value, nil
		}
	}
	at := slices.IndexFunc(container.Env, func(v corev1.EnvVar) bool { return v.Name == variableOf(flag) })
	if at < 0 {
		t.Fatalf("the chart does not set --%s", flag)
	}
	return container.Env[at].Value, nil
}

// operatorTakes is why the operator refuses a flag. It judges all of them before it looks for an API server, which it is
// told to find by a file that is not there.
func operatorTakes(t *testing.T, flag, value string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	none := filepath.Join(t.TempDir(), "none")
	run := exec.CommandContext(ctx, folder("bin/partner-operator"), "--kubeconfig="+none)
	run.Env = []string{"PARTNER_OPERATOR_PORTAL_URL=https://partners.example.com", variableOf(flag) + "=" + value}
	said, err := run.CombinedOutput()
	switch {
	case err == nil || ctx.Err() != nil:
		t.Fatalf("it runs: %v %s", ctx.Err(), said)
	case strings.Contains(string(said), none):
		return nil
	}
	return fmt.Errorf("%s", said)
}

func variableOf(flag string) string {
	return "PARTNER_OPERATOR_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagsOfTheChart are those that its templates set, by an argument or a variable.
func flagsOfTheChart(t *testing.T) []string {
	t.Helper()
	flags := map[string]bool{}
	for _, file := range load(t).Templates {
		for _, found := range regexp.MustCompile(`(?m)^- --([a-z-]+)|PARTNER_OPERATOR_([A-Z_]+[A-Z])\b`).FindAllStringSubmatch(string(file.Data), -1) {
			flags[found[1]+strings.ToLower(strings.ReplaceAll(found[2], "_", "-"))] = true
		}
	}
	for _, lifetime := range []string{"sign-in-lifetime", "session-lifetime", "session-idle"} {
		flags[lifetime] = true // their names are put together
	}
	return slices.Sorted(maps.Keys(flags))
}
