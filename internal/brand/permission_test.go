package brand

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestPermit(t *testing.T) {
	defaults := Default(&mail.Address{Name: "Platform", Address: "no-reply@platform.example"})
	const sender, hosts = v1alpha1.SenderDomainsAnnotation, v1alpha1.PortalHostsAnnotation
	type texts = map[string]string
	for name, test := range map[string]struct {
		brand, annotations texts
		// optional and required are what is said without and with --require-sender-domains; empty: nothing.
		optional, required string
	}{
		"nothing is claimed":                   {brand: texts{"displayName": "Acme", "replyTo": "desk@elsewhere.example"}},
		"the default sender":                   {brand: texts{"mailFrom": "Acme <No-Reply@platform.example>"}},
		"another address of its domain":        {brand: texts{"mailFrom": "ceo@platform.example"}, required: "mailFrom is of the domain platform.example"},
		"a sender, and nothing is said":        {brand: texts{"mailFrom": "CEO <ceo@acme.example>"}, required: "mailFrom is of the domain acme.example"},
		"a sender that is listed":              {brand: texts{"mailFrom": "CEO <ceo@Acme.example>"}, annotations: texts{sender: "globex.example, ACME.example"}},
		"a sender that is not listed":          {texts{"mailFrom": "ceo@acme.example"}, texts{sender: "globex.example"}, "mailFrom is of the domain acme.example", "mailFrom is of the domain acme.example"},
		"a sender above a listed domain":       {texts{"mailFrom": "ceo@acme.example"}, texts{sender: "mail.acme.example"}, "mailFrom", "mailFrom"},
		"a sender below a listed domain":       {texts{"mailFrom": "ceo@mail.acme.example"}, texts{sender: "acme.example"}, "mailFrom", "mailFrom"},
		"a sender, and none is permitted":      {texts{"mailFrom": "ceo@acme.example"}, texts{sender: ""}, "mailFrom", "mailFrom"},
		"the default sender, none permitted":   {brand: texts{"mailFrom": "no-reply@platform.example"}, annotations: texts{sender: ""}},
		"an international domain":              {brand: texts{"mailFrom": "ceo@bücher.example"}, annotations: texts{sender: "xn--bcher-kva.example"}},
		"the same, listed as it is written":    {brand: texts{"mailFrom": "ceo@xn--bcher-kva.example"}, annotations: texts{sender: "Bücher.example"}},
		"over a mail server of its own":        {brand: texts{"mailFrom": "ceo@acme.example", "smtpSecret": "smtp"}, annotations: texts{sender: ""}},
		"a host, and nothing is said":          {brand: texts{"host": "partners.acme.example"}, required: "host is partners.acme.example"},
		"a host that is listed":                {brand: texts{"host": "Partners.acme.example"}, annotations: texts{hosts: "partners.acme.example"}},
		"a host and a port, listed without":    {brand: texts{"host": "partners.acme.example:8443"}, annotations: texts{hosts: "partners.acme.example"}},
		"a host and a port, as listed":         {brand: texts{"host": "partners.acme.example:8443"}, annotations: texts{hosts: "partners.acme.example:8443"}},
		"a host and another port":              {texts{"host": "partners.acme.example:8444"}, texts{hosts: "partners.acme.example:8443"}, "host is", "host is"},
		"a host that is not listed":            {texts{"host": "partners.acme.example"}, texts{hosts: "partners.globex.example"}, "host is partners.acme.example", "host is partners.acme.example"},
		"an international host":                {brand: texts{"host": "partner.bücher.example"}, annotations: texts{hosts: "partner.xn--bcher-kva.example"}},
		"an IPv6 host":                         {brand: texts{"host": "[2001:db8::1]:8443"}, annotations: texts{hosts: "[2001:db8::1]"}},
		"a host over its own mail server":      {brand: texts{"host": "partners.acme.example", "smtpSecret": "smtp"}, required: "host is partners.acme.example"},
		"both, and the sender alone is listed": {brand: texts{"host": "partners.acme.example", "mailFrom": "ceo@acme.example"}, annotations: texts{sender: "acme.example"}, required: "host is"},
		"neither of both":                      {texts{"host": "partners.acme.example", "mailFrom": "ceo@acme.example"}, texts{sender: "", hosts: ""}, "mailFrom is", "mailFrom is"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Parse(test.brand, defaults)
			if err != nil {
				t.Fatal(err)
			}
			for required, want := range map[bool]string{false: test.optional, true: test.required} {
				got, err := b.Permit(ParsePermission(test.annotations, required), defaults)
				if (err != nil) != (want != "") || err != nil && (!strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "ask the platform's administrators")) {
					t.Errorf("required %t: error = %v, want %q", required, err, want)
				}
				if err != nil && !b.Claims(defaults) {
					t.Error("it claims nothing")
				}
				if strings.HasPrefix(want, "mailFrom") && got.From.Address != defaults.From.Address || strings.HasPrefix(want, "host") && got.Host != "" {
					t.Errorf("required %t: it keeps the claim: %+v", required, got)
				}
				if want == "" && (got.From.String() != b.From.String() || got.Host != b.Host) {
					t.Errorf("required %t: it is %+v, and was %+v", required, got, b)
				}
			}
		})
	}
}
