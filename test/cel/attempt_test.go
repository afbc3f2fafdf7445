package cel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// verb is a way to write an object.
type verb int

const (
	create verb = iota
	update
	updateStatus
)

// attempt is one write: of the valid object in testdata with a change. For an update, the object is created first,
// valid or as given.
type attempt struct {
	kind   string
	verb   verb
	given  edit
	change edit
}

// refusal is an attempt that must fail, naming the field and the remedy.
type refusal struct {
	attempt
	path   string
	remedy string
}

// edit changes an object.
type edit func(o *unstructured.Unstructured)

// set sets the field at a dotted path.
func set(path string, value any) edit {
	return func(o *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(o.Object, value, strings.Split(path, ".")...); err != nil {
			panic(err)
		}
	}
}

// unset removes the field at a dotted path.
func unset(path string) edit {
	return func(o *unstructured.Unstructured) {
		unstructured.RemoveNestedField(o.Object, strings.Split(path, ".")...)
	}
}

// all does several edits in order.
func all(edits ...edit) edit {
	return func(o *unstructured.Unstructured) {
		for _, e := range edits {
			e(o)
		}
	}
}

// valid is the smallest valid object of a kind.
func valid(t *testing.T, kind string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", strings.ToLower(kind)+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(text, &o.Object); err != nil {
		t.Fatal(err)
	}
	o.SetNamespace("default")
	o.SetGenerateName("row-")
	return o
}

// do carries the attempt out, without storing its result, and returns what the API server answers.
func (a attempt) do(t *testing.T) (*unstructured.Unstructured, error) {
	t.Helper()
	o := valid(t, a.kind)
	if a.verb == create {
		a.change(o)
		return o, api.Create(t.Context(), o, client.DryRunAll)
	}
	if a.given != nil {
		a.given(o)
	}
	if err := api.Create(t.Context(), o); err != nil {
		t.Fatalf("create what the update starts from: %v", err)
	}
	t.Cleanup(func() { _ = api.Delete(context.Background(), o) })
	a.change(o)
	if a.verb == updateStatus {
		return o, api.Status().Update(t.Context(), o, client.DryRunAll)
	}
	return o, api.Update(t.Context(), o, client.DryRunAll)
}

func checkAccepted(t *testing.T, rows map[string]attempt) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			if _, err := row.do(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkRefused(t *testing.T, rows map[string]refusal) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			_, err := row.do(t)
			if err == nil {
				t.Fatal("accepted")
			}
			if !row.explains(err) {
				t.Errorf("no cause names %s and says %q:\n%v", row.path, row.remedy, err)
			}
		})
	}
}

// explains tells whether one cause of the error names the field and the remedy.
func (r refusal) explains(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	for _, cause := range status.Status().Details.Causes {
		if cause.Field == r.path && strings.Contains(cause.Message, r.remedy) {
			return true
		}
	}
	return false
}
