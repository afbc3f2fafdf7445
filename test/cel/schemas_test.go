package cel

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"

	"github.com/partner-operator/partner-operator/hack/schemas"
)

// celOnly are the refused rows that no JSON schema refuses, and why.
var celOnly = map[string][]string{
	"it counts what a duration comes to": {
		"a second too short", "a second too long", "a second too long, in seconds", "an hour too long", "nothing at all, in seconds", "again at once", "again in too long", "a link to join that lives a second",
	},
	"it knows the calendar": {
		"the end of an invite: 2027-01-01T00:00:60Z", "the end of an invite: 2027-01-01T24:00:00Z",
		"the end of an invite: 2027-02-29T00:00:00Z", "the end of an invite: 2027-13-01T00:00:00Z",
		"the end of a partnership: 2027-01-01T00:00:60Z", "the end of a partnership: 2027-01-01T24:00:00Z",
		"the end of a partnership: 2027-02-29T00:00:00Z", "the end of a partnership: 2027-13-01T00:00:00Z",
		"the time of an application: 2027-01-01T00:00:60Z", "the time of an application: 2027-01-01T24:00:00Z",
		"the time of an application: 2027-02-29T00:00:00Z", "the time of an application: 2027-13-01T00:00:00Z",
	},
	"it compares items by some of their fields": {
		"a default link twice", "two default links without a suffix", "no suffix, and an empty one", "a question asked twice",
		"an invite into one program twice", "two mails of one kind",
	},
	"it compares two fields": {"an owner among the members, in another case"},
	"it is about status":     {"a mail of a team to nobody"},
}

// isCelOnly reports whether a row is marked.
func isCelOnly(name string) bool {
	for _, names := range celOnly {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// kubeconform judges by the schemas that make schemas writes.
func kubeconform(t *testing.T) func(object any) validator.Result {
	t.Helper()
	folder := t.TempDir()
	if err := schemas.Write(crdFolder, folder); err != nil {
		t.Fatal(err)
	}
	judge, err := validator.New([]string{filepath.Join(folder, schemas.Location)}, validator.Opts{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	return func(object any) validator.Result {
		t.Helper()
		text, ok := object.([]byte)
		if !ok {
			if text, err = json.Marshal(object); err != nil {
				t.Fatal(err)
			}
		}
		results := judge.Validate("a file", io.NopCloser(bytes.NewReader(text)))
		if len(results) != 1 {
			t.Fatalf("%d results for one object: %v", len(results), results)
		}
		return results[0]
	}
}

// changed is the object that an attempt writes.
func (a attempt) changed(t *testing.T) any {
	o := valid(t, a.kind)
	if a.given != nil {
		a.given(o)
	}
	a.change(o)
	return o.Object
}

func TestTheSchemasTakeTheSamples(t *testing.T) {
	judge := kubeconform(t)
	files, err := filepath.Glob("../../config/samples/p*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	ours := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(text), "\n---\n") {
			if !strings.Contains(document, "partner-operator.io/v1alpha1") {
				continue
			}
			ours++
			if result := judge([]byte(document)); result.Status != validator.Valid {
				t.Errorf("%s: %v", file, result.Err)
			}
		}
	}
	if ours < 6 {
		t.Errorf("only %d samples", ours)
	}
}

// What the API server takes, the schemas take.
func TestTheSchemasTakeWhatIsAccepted(t *testing.T) {
	judge := kubeconform(t)
	for _, table := range acceptedTables() {
		for name, row := range table {
			if result := judge(row.changed(t)); result.Status != validator.Valid {
				t.Errorf("%s is refused: %v", name, result.Err)
			}
		}
	}
}

// What the API server refuses for what the object itself says, the schemas refuse, unless it is marked. What it refuses as a
// change is good by itself.
func TestTheSchemasRefuseWhatIsRefused(t *testing.T) {
	judge := kubeconform(t)
	for _, table := range refusedTables() {
		for name, row := range table {
			result := judge(row.changed(t))
			switch {
			case result.Status == validator.Error || result.Status == validator.Skipped || result.Status == validator.Empty:
				t.Errorf("%s is not judged: %v", name, result.Err)
			case result.Status == validator.Valid && !isCelOnly(name) && row.verb != update:
				t.Errorf("%s is taken: let hack/schemas say it, or mark it", name)
			case result.Status == validator.Invalid && isCelOnly(name):
				t.Errorf("%s is marked, and refused all the same: %v", name, result.Err)
			}
		}
	}
}

func TestTheSchemasRefuseAMisspeltField(t *testing.T) {
	judge := kubeconform(t)
	for kind, path := range map[string]string{
		"Partnership": "spec.revokation", "Program": "spec.displayNam", "PartnerInvite": "spec.contact.mail", "PartnerLink": "specs",
	} {
		misspelt := attempt{kind: kind, change: set(path, map[string]any{})}
		if result := judge(misspelt.changed(t)); result.Status != validator.Invalid {
			t.Errorf("%s of %s is %v: %v", path, kind, result.Status, result.Err)
		}
	}
}
