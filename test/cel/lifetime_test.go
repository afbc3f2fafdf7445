package cel

import "testing"

const lifetimeRemedy = "must be a duration from 1m to 8760h in hours, minutes and seconds, such as 168h for seven days"

var goodLifetimes = map[string]string{
	"seven days":                 "168h",
	"the shortest":               "1m",
	"the shortest, in seconds":   "60s",
	"more than 60 minutes":       "90m",
	"hours and minutes":          "1h30m",
	"hours, minutes and seconds": "1h2m3s",
	"the longest":                "8760h",
	"the longest, in minutes":    "525600m",
	"leading zeros":              "0168h",
	"a year, written with zeros": "8760h0m0s",
}

var badLifetimes = map[string]struct{ text, remedy string }{
	"a second too short":         {"59s", lifetimeRemedy},
	"an hour too long":           {"8761h", lifetimeRemedy},
	"a second too long":          {"8760h1s", lifetimeRemedy},
	"nothing at all, in seconds": {"0s", lifetimeRemedy},
	"days":                       {"7d", lifetimeRemedy},
	"a negative duration":        {"-1h", lifetimeRemedy},
	"a fraction":                 {"1.5h", lifetimeRemedy},
	"milliseconds":               {"600000ms", lifetimeRemedy},
	"a word":                     {"abc", lifetimeRemedy},
	"a bare number":              {"168", lifetimeRemedy},
	"minutes before hours":       {"30m1h", lifetimeRemedy},
	"a blank":                    {"1h 30m", lifetimeRemedy},
	"a line feed at the end":     {"168h\n", lifetimeRemedy},
	"no text":                    {"", lifetimeRemedy},
	"more than 24 characters":    {"0000000000000000000000168h", "may not be more than 24"},
}

func acceptedLifetimes() map[string]attempt {
	rows := map[string]attempt{
		"a group of its own":   {kind: "PartnerGroup", change: set("spec.invites.expiresAfter", "336h")},
		"a program of its own": {kind: "Program", change: set("spec.invites.expiresAfter", "336h")},
		"a change later":       {kind: "PartnerInvite", verb: update, change: set("spec.expiresAfter", "336h")},
	}
	for name, text := range goodLifetimes {
		rows[name] = attempt{kind: "PartnerInvite", change: set("spec.expiresAfter", text)}
	}
	return rows
}

func refusedLifetimes() map[string]refusal {
	const defaults = "spec.invites.expiresAfter"
	rows := map[string]refusal{
		"a program with days": {attempt{kind: "Program", change: set(defaults, "7d")}, defaults, lifetimeRemedy},
		"a group with days":   {attempt{kind: "PartnerGroup", change: set(defaults, "7d")}, defaults, lifetimeRemedy},
	}
	for name, bad := range badLifetimes {
		rows[name] = refusal{
			attempt{kind: "PartnerInvite", change: set("spec.expiresAfter", bad.text)}, "spec.expiresAfter", bad.remedy}
	}
	return rows
}

func TestLifetimeAccepted(t *testing.T) { checkAccepted(t, acceptedLifetimes()) }
func TestLifetimeRefused(t *testing.T)  { checkRefused(t, refusedLifetimes()) }
