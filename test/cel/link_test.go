package cel

import (
	"fmt"
	"strings"
	"testing"
)

const (
	webRemedy         = "must be a complete https address such as https://acme.example/summer, without a user, blanks or backslashes"
	hostRemedy        = "must be the name of a host such as acme.example, without scheme, port, path or wildcard; hosts below it are allowed, too"
	parameterRemedy   = "must be letters, digits, '-' and '_', beginning with a letter, such as ref"
	suffixRemedy      = "must be lower-case letters, digits and hyphens, such as summer, or empty"
	suffixTwiceRemedy = "each suffix can stand once, and one default link can have none: take out what is there twice"
	ownerRemedy       = "partnershipRef is immutable: what was shared counts for the partner who shared it, so create a new PartnerLink"
	programRemedy     = "programRef is immutable once it is set: create a new PartnerLink"
	memberRemedy      = "member.email is immutable: what was shared counts for the member who shared it, so create a new PartnerLink"
)

// webAddresses are the places of addresses that people open.
var webAddresses = map[string]struct {
	kind, path string
	change     func(text string) edit
}{
	"a link":    {"PartnerLink", "spec.destination", func(text string) edit { return set("spec.destination", text) }},
	"a program": {"Program", "spec.links.destination", func(text string) edit { return set("spec.links.destination", text) }},
	"a program's terms": {"Program", "spec.terms.url", func(text string) edit {
		return set("spec.terms", map[string]any{"url": text, "version": "1"})
	}},
	"a group": {"PartnerGroup", "spec.links.destination", func(text string) edit { return set("spec.links.destination", text) }},
	"a default link": {"PartnerGroup", "spec.links.defaults[0].destination", func(text string) edit {
		return set("spec.links.defaults", []any{map[string]any{"suffix": "a", "destination": text}})
	}},
}

var goodAddresses = map[string]string{
	"a host alone":          "https://acme.example",
	"a path and a query":    "https://acme.example/summer?a=1&b=%20#top",
	"a query without path":  "https://acme.example?a=1",
	"a port":                "https://acme.example:8443/",
	"an international host": "https://bücher.example/söm",
	"an at sign in a path":  "https://acme.example/@ada",
	"2048 characters":       "https://acme.example/" + strings.Repeat("x", 2048-21),
}

var badAddresses = map[string]string{
	"plain http":        "http://acme.example",
	"a script":          "javascript:alert(1)",
	"no scheme":         "acme.example",
	"a scheme-relative": "//acme.example/",
	"a user":            "https://acme.example@evil.example/",
	"a blank":           "https://acme.example/a b",
	"a line break":      "https://acme.example/\nx",
	"a backslash":       `https://acme.example\evil.example`,
	"a hidden letter":   "https://acme.exa\u200bmple/",
	"no host":           "https:///summer",
	"capitals":          "HTTPS://acme.example",
}

// hosts are names of hosts that can be allowed, and others.
var (
	goodHosts = []string{"acme.example", "shop.acme.example", "bücher.example", "xn--bcher-kva.example"}
	badHosts  = []string{"acme", "https://acme.example", "acme.example:443", "acme.example/", "*.acme.example", "a@acme.example", "acme .example", ".acme.example", "acme.example.", "acme..example"}
)

func hosts(names ...string) edit {
	list := []any{}
	for _, name := range names {
		list = append(list, name)
	}
	return set("spec.links.allowedHosts", list)
}

// suffixed are default links of these suffixes.
func suffixed(suffixes ...string) edit {
	list := []any{}
	for _, suffix := range suffixes {
		list = append(list, map[string]any{"suffix": suffix})
	}
	return set("spec.links.defaults", list)
}

func acceptedLinks() map[string]attempt {
	ofMember := set("spec.member.email", "ada@example.com")
	rows := map[string]attempt{
		"a link":                                        {kind: "PartnerLink", change: all()},
		"a link of a member":                            {kind: "PartnerLink", change: ofMember},
		"a link of a program":                           {kind: "PartnerLink", change: set("spec.programRef.name", "referral")},
		"a link that gets its program":                  {kind: "PartnerLink", verb: update, change: set("spec.programRef.name", "referral")},
		"a link of a program that does":                 {kind: "PartnerLink", verb: update, given: set("spec.programRef.name", "referral"), change: set("spec.destination", "https://acme.example/")},
		"a link that leads elsewhere now":               {kind: "PartnerLink", verb: update, change: set("spec.destination", "https://acme.example/")},
		"a link of a member that does":                  {kind: "PartnerLink", verb: update, given: ofMember, change: set("spec.destination", "https://acme.example/")},
		"a link that says nothing any more":             {kind: "PartnerLink", verb: update, given: set("spec.destination", "https://acme.example/"), change: unset("spec.destination")},
		"allowed hosts":                                 {kind: "Program", change: hosts(goodHosts...)},
		"a parameter of one letter":                     {kind: "Program", change: set("spec.links.parameter", "r")},
		"a parameter of 32":                             {kind: "Program", change: set("spec.links.parameter", strings.Repeat("r", 32))},
		"a program that makes no links":                 {kind: "Program", change: set("spec.links.maxPerMember", int64(0))},
		"a program that makes many":                     {kind: "Program", change: set("spec.links.maxPerMember", int64(1000))},
		"a group that makes no links":                   {kind: "PartnerGroup", change: set("spec.links.creation", "Disabled")},
		"a default link for each member":                {kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{"per": "Member"}})},
		"a default link for the team":                   {kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{"per": "Team"}})},
		"five default links":                            {kind: "PartnerGroup", change: suffixed("", "a", "b-c", "4", strings.Repeat("x", 30))},
		"a default link without a suffix, and one with": {kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{}, map[string]any{"suffix": "a"}})},
		"terms that change":                             {kind: "Program", verb: update, given: set("spec.terms", terms("1")), change: set("spec.terms", terms("2"))},
		"terms that were accepted":                      {kind: "Partnership", verb: updateStatus, change: set("status.terms", acceptedTerms("ada@example.com"))},
		"default links that were made":                  {kind: "Partnership", verb: updateStatus, change: set("status.defaultLinks", []any{"", "summer"})},
		"a link in a state":                             {kind: "PartnerLink", verb: updateStatus, change: set("status.state", "Unattributed")},
	}
	for place, of := range webAddresses {
		for name, text := range goodAddresses {
			rows[name+" of "+place] = attempt{kind: of.kind, change: of.change(text)}
		}
	}
	return rows
}

func terms(version string) map[string]any {
	return map[string]any{"url": "https://acme.example/terms", "version": version}
}

func acceptedTerms(email string) map[string]any {
	return map[string]any{"version": "1", "acceptedBy": email, "time": "2026-01-01T00:00:00Z"}
}

func refusedLinks() map[string]refusal {
	ofMember := set("spec.member.email", "ada@example.com")
	rows := map[string]refusal{
		"a link goes to another partner": {
			attempt{kind: "PartnerLink", verb: update, change: set("spec.partnershipRef.name", "bob-referral")}, "spec.partnershipRef", ownerRemedy},
		"a link goes to another member": {
			attempt{kind: "PartnerLink", verb: update, given: ofMember, change: set("spec.member.email", "bob@example.com")}, "spec.member", memberRemedy},
		"a link goes to another program": {
			attempt{kind: "PartnerLink", verb: update, given: set("spec.programRef.name", "referral"), change: set("spec.programRef.name", "reseller")}, "spec.programRef", programRemedy},
		"a link loses its program": {
			attempt{kind: "PartnerLink", verb: update, given: set("spec.programRef.name", "referral"), change: unset("spec.programRef")}, "spec.programRef", programRemedy},
		"a default link for somebody else":   {attempt{kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{"per": "Owner"}})}, "spec.links.defaults[0].per", `supported values: "Member", "Team"`},
		"a link of a program without a name": {attempt{kind: "PartnerLink", change: set("spec.programRef.name", "")}, "spec.programRef.name", "should be at least 1 chars long"},
		"a link gets a member":               {attempt{kind: "PartnerLink", verb: update, change: ofMember}, "spec.member", memberRemedy},
		"a link loses its member": {
			attempt{kind: "PartnerLink", verb: update, given: ofMember, change: unset("spec.member")}, "spec.member", memberRemedy},
		"a link of nobody":                   {attempt{kind: "PartnerLink", change: unset("spec.partnershipRef")}, "spec.partnershipRef", "Required value"},
		"a link of a bad address":            {attempt{kind: "PartnerLink", change: set("spec.member.email", "a@localhost")}, "spec.member.email", emailRemedy},
		"a link in an unknown state":         {attempt{kind: "PartnerLink", verb: updateStatus, change: set("status.state", "Lost")}, "status.state", `supported values: "Active", "Unattributed", "Deactivated"`},
		"an empty list of hosts":             {attempt{kind: "Program", change: hosts()}, "spec.links.allowedHosts", "should have at least 1 items"},
		"a host twice":                       {attempt{kind: "Program", change: hosts("a.example", "a.example")}, "spec.links.allowedHosts[1]", "Duplicate value"},
		"no parameter":                       {attempt{kind: "Program", change: set("spec.links.parameter", "")}, "spec.links.parameter", "should be at least 1 chars long"},
		"a parameter of 33":                  {attempt{kind: "Program", change: set("spec.links.parameter", strings.Repeat("r", 33))}, "spec.links.parameter", "may not be more than 32"},
		"fewer than no links":                {attempt{kind: "Program", change: set("spec.links.maxPerMember", int64(-1))}, "spec.links.maxPerMember", "should be greater than or equal to 0"},
		"more than 1000 links":               {attempt{kind: "Program", change: set("spec.links.maxPerMember", int64(1001))}, "spec.links.maxPerMember", "should be less than or equal to 1000"},
		"creation by mood":                   {attempt{kind: "PartnerGroup", change: set("spec.links.creation", "Maybe")}, "spec.links.creation", `supported values: "Enabled", "Disabled"`},
		"six default links":                  {attempt{kind: "PartnerGroup", change: suffixed("a", "b", "c", "d", "e", "f")}, "spec.links.defaults", "must have at most 5 items"},
		"a default link twice":               {attempt{kind: "PartnerGroup", change: suffixed("a", "a")}, "spec.links.defaults", suffixTwiceRemedy},
		"two default links without a suffix": {attempt{kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{}, map[string]any{}})}, "spec.links.defaults", suffixTwiceRemedy},
		"no suffix, and an empty one":        {attempt{kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{"suffix": ""}, map[string]any{}})}, "spec.links.defaults", suffixTwiceRemedy},
		"a suffix of 31":                     {attempt{kind: "PartnerGroup", change: suffixed(strings.Repeat("x", 31))}, "spec.links.defaults[0].suffix", "may not be more than 30"},
		"terms without a version":            {attempt{kind: "Program", change: set("spec.terms", map[string]any{"url": "https://acme.example/terms"})}, "spec.terms.version", "Required value"},
		"a version in two lines":             {attempt{kind: "Program", change: set("spec.terms", terms("1\n2"))}, "spec.terms.version", lineRemedy},
		"a version of 65":                    {attempt{kind: "Program", change: set("spec.terms", terms(strings.Repeat("x", 65)))}, "spec.terms.version", "may not be more than 64"},
		"terms accepted by nobody":           {attempt{kind: "Partnership", verb: updateStatus, change: set("status.terms", acceptedTerms("a@localhost"))}, "status.terms.acceptedBy", emailRemedy},
		"an address that is too long": {
			attempt{kind: "PartnerLink", change: set("spec.destination", "https://acme.example/"+strings.Repeat("x", 2048-20))}, "spec.destination", "may not be more than 2048"},
	}
	for place, of := range webAddresses {
		for name, text := range badAddresses {
			rows[name+" of "+place] = refusal{attempt{kind: of.kind, change: of.change(text)}, of.path, webRemedy}
		}
	}
	for _, host := range badHosts {
		rows["the host "+host] = refusal{attempt{kind: "Program", change: hosts(host)}, "spec.links.allowedHosts[0]", hostRemedy}
	}
	for _, parameter := range []string{"1ref", "r f", "ref-", "ref=", "réf", "ref\n"} {
		rows[fmt.Sprintf("the parameter %q", parameter)] = refusal{attempt{kind: "Program", change: set("spec.links.parameter", parameter)}, "spec.links.parameter", parameterRemedy}
	}
	for _, suffix := range []string{"-a", "a-", "A", "a.b", "a b", "ä", "a\n"} {
		rows[fmt.Sprintf("the suffix %q", suffix)] = refusal{attempt{kind: "PartnerGroup", change: suffixed(suffix)}, "spec.links.defaults[0].suffix", suffixRemedy}
	}
	return rows
}

func TestLinkAccepted(t *testing.T) { checkAccepted(t, acceptedLinks()) }
func TestLinkRefused(t *testing.T)  { checkRefused(t, refusedLinks()) }
