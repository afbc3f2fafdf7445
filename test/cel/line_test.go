package cel

import "testing"

const lineRemedy = "must be one line of text without blanks at its ends"

// lines are the texts that people write in one line, and status.owner of a team, which is copied from one.
var lines = []struct {
	kind string
	verb verb
	path string
}{
	{"Program", create, "spec.displayName"},
	{"PartnerGroup", create, "spec.displayName"},
	{"PartnerTeam", create, "spec.displayName"},
	{"PartnerTeam", create, "spec.owner.firstName"},
	{"PartnerTeam", create, "spec.owner.lastName"},
	{"PartnerTeam", updateStatus, "status.owner.firstName"},
	{"PartnerTeam", updateStatus, "status.owner.lastName"},
	{"PartnerInvite", create, "spec.displayName"},
	{"PartnerInvite", create, "spec.contact.firstName"},
	{"PartnerInvite", create, "spec.contact.lastName"},
	{"PartnerInvite", create, "spec.contact.jobTitle"},
	{"PartnerInvite", create, "spec.contact.phone"},
	{"PartnerInvite", create, "spec.message.subject"},
	{"Partnership", create, "spec.displayName"},
	{"Partnership", create, "spec.contact.firstName"},
	{"Partnership", create, "spec.contact.lastName"},
	{"Partnership", create, "spec.contact.jobTitle"},
	{"Partnership", create, "spec.contact.phone"},
	{"Partnership", create, "spec.stage"},
}

var goodLines = map[string]string{
	"two words":                "Ada Lovelace",
	"umlauts":                  "Zoë Müller",
	"letters from the right":   "עדה לאבלייס",
	"a joined emoji":           "Ada 👩‍💻",
	"a joiner between letters": "\u0639\u200c\u0644\u06cc",
	"quotes and punctuation":   `O'Neil & "Sons"; <Ltd.>`,
	"a no-break space within":  "Ada\u00a0L.",
}

var badLines = map[string]string{
	"a line break":           "Ada\nBcc: bob@example.com",
	"a carriage return":      "Ada\r\nLovelace",
	"a tab":                  "Ada\tLovelace",
	"a line separator":       "Ada\u2028Lovelace",
	"a blank at its start":   " Ada",
	"a blank at its end":     "Ada ",
	"a no-break end":         "Ada\u00a0",
	"nothing but a blank":    " ",
	"nothing but line feeds": "\n\n",
	"an escape":              "Ada\u001b[31m",
	"an override":            "Ada\u202eecalevoL",
	"an isolate at its end":  "Ada\u2069",
}

func acceptedLines() map[string]attempt {
	rows := map[string]attempt{}
	for name, text := range goodLines {
		rows[name] = attempt{kind: "Program", change: set("spec.displayName", text)}
	}
	return rows
}

// refusedLines holds each bad line for a program, and one for each other place of a line.
func refusedLines() map[string]refusal {
	rows := map[string]refusal{}
	for _, line := range lines {
		change := set(line.path, "Ada\nLovelace")
		if line.verb == updateStatus {
			change = all(set("status.owner.email", "ada@example.com"), change)
		}
		rows["a line break in "+line.kind+" "+line.path] = refusal{attempt{kind: line.kind, verb: line.verb, change: change}, line.path, lineRemedy}
	}
	for name, text := range badLines {
		rows[name] = refusal{attempt{kind: "Program", change: set("spec.displayName", text)}, "spec.displayName", lineRemedy}
	}
	return rows
}

func TestLineAccepted(t *testing.T) { checkAccepted(t, acceptedLines()) }
func TestLineRefused(t *testing.T)  { checkRefused(t, refusedLines()) }
