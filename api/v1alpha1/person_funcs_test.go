package v1alpha1

import "testing"

func TestCopiedLines(t *testing.T) {
	for written, want := range map[LineOfText]LineOfText{
		"Ada Lovelace":             "Ada Lovelace",
		"Ada \u202eecalevoL":       "Ada ecalevoL",
		"\u2067עדה\u2069":          "עדה",
		"Ada\u202a \u202c":         "Ada",
		"\u202e":                   "",
		"Ada 👩‍💻":                  "Ada 👩‍💻",
		"\u0639\u200c\u0644\u06cc": "\u0639\u200c\u0644\u06cc",
	} {
		if got := written.Copied(); got != want {
			t.Errorf("of %q the copy is %q, want %q", written, got, want)
		}
	}
	written := &Contact{Email: "ada@example.com", FirstName: "A\u202eda", LastName: "L\u2066", JobTitle: "C\u2069EO", Phone: "1\u202a2"}
	if got, want := *written.Copied(), (Contact{Email: "ada@example.com", FirstName: "Ada", LastName: "L", JobTitle: "CEO", Phone: "12"}); got != want {
		t.Errorf("the copy is %v, want %v", got, want)
	}
	if (*Contact)(nil).Copied() != nil {
		t.Error("of none there is a copy")
	}
}
