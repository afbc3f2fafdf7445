package cel

import (
	"strings"
	"testing"
)

const (
	emailRemedy = "must be one plain mail address such as ada@example.com: no display name, no blanks, and a full domain"
	contactPath = "spec.contact.email"
)

var goodEmails = map[string]string{
	"a plain address":               "ada@example.com",
	"a plus tag":                    "ada+partners@example.com",
	"an international domain":       "ada@bücher.example",
	"an encoded domain":             "ada@xn--bcher-kva.example",
	"an apostrophe":                 "o'neil@example.com",
	"a deep subdomain":              "ada@mail.eu.example.com",
	"digits and punctuation":        "a.b-c_d%e=f@example.com",
	"a local part of 64":            strings.Repeat("a", 64) + "@example.com",
	"an address of 254 characters":  emailOf(254),
	"a number within the domain":    "ada@10.0.0.1.example.com",
	"capital letters, kept as sent": "Ada@Example.COM",
}

var badEmails = map[string]struct{ address, remedy string }{
	"a display name":               {"Bob <b@x.example>", emailRemedy},
	"angle brackets":               {"<b@x.example>", emailRemedy},
	"a leading blank":              {" ada@example.com", emailRemedy},
	"a trailing blank":             {"ada@example.com ", emailRemedy},
	"a blank within":               {"ada lovelace@example.com", emailRemedy},
	"a bare host":                  {"a@localhost", emailRemedy},
	"an address literal":           {"a@[127.0.0.1]", emailRemedy},
	"an IP address":                {"a@127.0.0.1", emailRemedy},
	"a domain that is a number":    {"a@example.42", emailRemedy},
	"an encoded word":              {"=?utf-8?q?a?=@example.com", emailRemedy},
	"two at signs":                 {"a@b@example.com", emailRemedy},
	"no at sign":                   {"ada.example.com", emailRemedy},
	"no local part":                {"@example.com", emailRemedy},
	"no domain":                    {"ada@", emailRemedy},
	"a domain that ends in a dot":  {"ada@example.com.", emailRemedy},
	"two addresses":                {"ada@example.com,bob@example.com", emailRemedy},
	"a quoted local part":          {`"ada"@example.com`, emailRemedy},
	"an international local part":  {"bücher@example.com", emailRemedy},
	"a local part of 65":           {strings.Repeat("a", 65) + "@example.com", emailRemedy},
	"a line break and a header":    {"ada@example.com\r\nBcc: bob@example.com", emailRemedy},
	"a line feed at the end":       {"ada@example.com\n", emailRemedy},
	"a carriage return at the end": {"ada@example.com\r", emailRemedy},
	"a no-break space":             {"ada@exam\u00a0ple.com", emailRemedy},
	"a zero-width space":           {"ada@exam\u200bple.com", emailRemedy},
	"a line separator":             {"ada@exam\u2028ple.com", emailRemedy},
	"a control character":          {"ada@exam\u0000ple.com", emailRemedy},
	"a tab":                        {"ada@exam\tple.com", emailRemedy},
	"nothing":                      {"", emailRemedy},
	"an address of 255 characters": {emailOf(255), "may not be more than 254"},
}

// emailOf is a valid address of that many characters, the limit apart.
func emailOf(length int) string {
	const start, end = "ada@", ".example.com"
	return start + strings.Repeat("a", length-len(start)-len(end)) + end
}

func acceptedEmails() map[string]attempt {
	rows := map[string]attempt{}
	for name, address := range goodEmails {
		rows[name] = attempt{kind: "PartnerInvite", change: set(contactPath, address)}
	}
	return rows
}

// refusedEmails holds each bad address for an invite, and one for each other place of an address.
func refusedEmails() map[string]refusal {
	rows := map[string]refusal{
		"a partnership with a bad address": {
			attempt{kind: "Partnership", change: set(contactPath, "a@localhost")}, contactPath, emailRemedy},
		"a team with a bad address of its owner": {
			attempt{kind: "PartnerTeam", change: set("spec.owner.email", "a@localhost")}, "spec.owner.email", emailRemedy},
		"a bad address of the owner in the status of a team": {
			attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.owner.email", "a@localhost")},
			"status.owner.email", emailRemedy},
	}
	for name, bad := range badEmails {
		rows[name] = refusal{attempt{kind: "PartnerInvite", change: set(contactPath, bad.address)}, contactPath, bad.remedy}
	}
	return rows
}

func TestEmailAccepted(t *testing.T) { checkAccepted(t, acceptedEmails()) }
func TestEmailRefused(t *testing.T)  { checkRefused(t, refusedEmails()) }
