package cel

import (
	"fmt"
	"testing"
)

const timestampRemedy = "must be a time such as 2027-01-01T00:00:00Z: with a capital T, and with a capital Z or an offset such as +02:00"

// timestamps are the fields that hold a moment.
var timestamps = map[string]struct{ kind, path string }{
	"the end of an invite":       {"PartnerInvite", "spec.notAfter"},
	"the end of a partnership":   {"Partnership", "spec.validUntil"},
	"the time of an application": {"Partnership", "spec.application.submittedTime"},
}

func acceptedTimestamps() map[string]attempt {
	rows := map[string]attempt{}
	for name, at := range timestamps {
		for _, text := range []string{
			"2027-01-01T00:00:00Z", "2027-01-01T00:00:00.5Z", "2027-01-01T00:00:00.123456789Z", "2027-01-01T00:00:00.000000Z",
			"2027-01-01T00:00:00+02:00", "2027-01-01T00:00:00.1-11:30", "2028-02-29T23:59:59Z",
		} {
			rows[fmt.Sprintf("%s: %s", name, text)] = attempt{kind: at.kind, change: set(at.path, text)}
		}
	}
	return rows
}

func refusedTimestamps() map[string]refusal {
	rows := map[string]refusal{}
	for name, at := range timestamps {
		for _, text := range []string{
			"2027-01-01t00:00:00Z", "2027-01-01T00:00:00z", "2027-01-01T00:00:00Ztomorrow", "2027-01-01 00:00:00Z", "2027-02-29T00:00:00Z",
			"2027-13-01T00:00:00Z", "2027-01-01T24:00:00Z", "2027-01-01T00:00:60Z", "2027-01-01T00:00:00,5Z", "2027-01-01T0:00:00+00:00",
			"2027-01-01T00:00:00+0200", "2027-01-01T00:00:00.1234567890Z", "in the next year, maybe", "２027-01-01T00:00:00Z",
		} {
			rows[fmt.Sprintf("%s: %s", name, text)] = refusal{attempt{kind: at.kind, change: set(at.path, text)}, at.path, timestampRemedy}
		}
	}
	return rows
}

func TestTimestampAccepted(t *testing.T) { checkAccepted(t, acceptedTimestamps()) }
func TestTimestampRefused(t *testing.T)  { checkRefused(t, refusedTimestamps()) }
