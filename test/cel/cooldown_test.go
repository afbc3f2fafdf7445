package cel

import "testing"

const (
	cooldownPath   = "spec.invites.resendCooldown"
	cooldownRemedy = "must be a duration up to 24h in hours, minutes and seconds, such as 1m, or 0 for none"
)

var goodCooldowns = map[string]string{
	"none":                       "0",
	"none, in seconds":           "0s",
	"none, in all units":         "0h0m0s",
	"a second":                   "1s",
	"a minute":                   "1m",
	"more than 60 seconds":       "90s",
	"hours and minutes":          "1h30m",
	"hours, minutes and seconds": "1h2m3s",
	"the longest":                "24h",
	"the longest, in minutes":    "1440m",
	"the longest, in seconds":    "86400s",
	"leading zeros":              "01h",
}

var badCooldowns = map[string]struct{ text, remedy string }{
	"an hour too long":              {"25h", cooldownRemedy},
	"a second too long":             {"24h1s", cooldownRemedy},
	"a second too long, in seconds": {"86401s", cooldownRemedy},
	"a day":                         {"1d", cooldownRemedy},
	"a negative duration":           {"-1m", cooldownRemedy},
	"a negative nothing":            {"-0", cooldownRemedy},
	"two zeros":                     {"00", cooldownRemedy},
	"a bare number":                 {"60", cooldownRemedy},
	"a fraction":                    {"1.5h", cooldownRemedy},
	"milliseconds":                  {"500ms", cooldownRemedy},
	"minutes before hours":          {"30m1h", cooldownRemedy},
	"a blank":                       {"1h 30m", cooldownRemedy},
	"a line feed at the end":        {"1m\n", cooldownRemedy},
	"a word":                        {"none", cooldownRemedy},
	"no text":                       {"", cooldownRemedy},
	"more than 24 characters":       {"00000000000000000000000001m", "may not be more than 24"},
}

func acceptedCooldowns() map[string]attempt {
	rows := map[string]attempt{
		"a change later": {kind: "Program", verb: update, change: set(cooldownPath, "1h")},
	}
	for name, text := range goodCooldowns {
		rows[name] = attempt{kind: "Program", change: set(cooldownPath, text)}
	}
	return rows
}

func refusedCooldowns() map[string]refusal {
	rows := map[string]refusal{
		"a change to days": {attempt{kind: "Program", verb: update, change: set(cooldownPath, "1d")}, cooldownPath, cooldownRemedy},
	}
	for name, bad := range badCooldowns {
		rows[name] = refusal{attempt{kind: "Program", change: set(cooldownPath, bad.text)}, cooldownPath, bad.remedy}
	}
	return rows
}

func TestCooldownAccepted(t *testing.T) { checkAccepted(t, acceptedCooldowns()) }
func TestCooldownRefused(t *testing.T)  { checkRefused(t, refusedCooldowns()) }
