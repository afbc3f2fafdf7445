package internal_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/team"
)

// inputs are what rules decide on: the types of pure packages that are called Input or Outbox, by where they are.
var inputs = map[string]reflect.Type{
	"internal/invite.Input":      reflect.TypeFor[invite.Input](),
	"internal/join.Outbox":       reflect.TypeFor[join.Outbox](),
	"internal/partnership.Input": reflect.TypeFor[partnership.Input](),
	"internal/team.Input":        reflect.TypeFor[team.Input](),
}

// A rule that calls what it got would decide on something else each time, and could do anything: read, wait, or fail
// without a way to say so. So what it depends on is found out before, and handed in as data.
func TestRulesDecideOnData(t *testing.T) {
	if found, known := inputsOf(t, os.DirFS(".."), layers), slices.Sorted(maps.Keys(inputs)); !slices.Equal(found, known) {
		t.Errorf("the inputs of pure packages are %v, and %v are looked at", found, known)
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		for _, field := range notData(inputs[name]) {
			t.Errorf("%s: %s is no data", name, field)
		}
	}
}

// inputsOf finds the types of pure packages that are called Input or Outbox.
func inputsOf(t *testing.T, tree fs.FS, layers []layer) (names []string) {
	t.Helper()
	for file, parsed := range goFiles(t, tree, "internal") {
		if _, layer := find(layers, path.Dir(file)); !layer.pure {
			continue
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			if declared, ok := node.(*ast.TypeSpec); ok && slices.Contains([]string{"Input", "Outbox"}, declared.Name.Name) {
				names = append(names, path.Dir(file)+"."+declared.Name.Name)
			}
			return true
		})
	}
	slices.Sort(names)
	return names
}

// notData finds the fields of a struct that can do something, also those of structs of ours that it holds.
func notData(of reflect.Type) (found []string) {
	seen := map[reflect.Type]bool{}
	var look func(path string, each reflect.Type)
	look = func(path string, each reflect.Type) {
		switch each.Kind() {
		case reflect.Func, reflect.Interface, reflect.Chan:
			found = append(found, fmt.Sprintf("%s (%s)", path, each))
		case reflect.Pointer, reflect.Slice, reflect.Array:
			look(path, each.Elem())
		case reflect.Map:
			look(path, each.Key())
			look(path, each.Elem())
		case reflect.Struct:
			if seen[each] || !strings.HasPrefix(each.PkgPath(), module+"internal") {
				return // what the API holds is data, by its schema
			}
			seen[each] = true
			for i := range each.NumField() {
				look(path+"."+each.Field(i).Name, each.Field(i).Type)
			}
		default: // text and numbers
		}
	}
	look(of.Name(), of)
	return found
}

func TestWhatIsNoDataIsFound(t *testing.T) {
	type held struct{ Now func() }
	type Input struct {
		Text    string
		Count   *int
		Holds   map[string]*held
		Key     func(string) bool
		Cause   error
		Readers []interface{ Read() }
		Later   chan int
	}
	want := []string{"Input.Holds.Now (func())", "Input.Key (func(string) bool)", "Input.Cause (error)", "Input.Readers (interface { Read() })", "Input.Later (chan int)"}
	if got := notData(reflect.TypeFor[Input]()); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	tree := fstest.MapFS{
		"internal/invite/decide.go":  {Data: []byte("package invite\ntype Input struct{}")},
		"internal/join/post.go":      {Data: []byte("package join\ntype (\nOutbox struct{}\nPosting struct{}\n)")},
		"internal/webhook/outbox.go": {Data: []byte("package webhook\ntype Outbox struct{}")},
	}
	if got, want := inputsOf(t, tree, layers), []string{"internal/invite.Input", "internal/join.Outbox"}; !slices.Equal(got, want) {
		t.Errorf("the inputs are %v, want %v", got, want)
	}
}
