package gitops

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	luajson "layeh.com/gopher-json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// argoSettings is argocd-cm as our component makes it.
func argoSettings(t *testing.T) map[string]string {
	t.Helper()
	var made corev1.ConfigMap
	if err := yaml.UnmarshalStrict([]byte(kubectl(t, "", "kustomize", "../../config/argocd")), &made); err != nil {
		t.Fatal(err)
	}
	return made.Data
}

// health is what Argo CD shows of an object.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// argoHealth judges an object as Argo CD does.
func argoHealth(t *testing.T, settings map[string]string, object *unstructured.Unstructured) (is health) {
	t.Helper()
	const healthKey = "resource.customizations.health.partner-operator.io_"
	runLua(t, settings[healthKey+object.GetKind()], object, nil, &is)
	return is
}

// action is a button of Argo CD.
type action struct {
	Name        string              `json:"-"`
	Disabled    bool                `json:"disabled"`
	IconClass   string              `json:"iconClass"`
	DisplayName string              `json:"displayName"`
	Params      []map[string]string `json:"params"`
}

// actionsOf are the buttons of a kind, as Argo CD reads them.
type actionsOf struct {
	Discovery   string `json:"discovery.lua"`
	Definitions []struct {
		Name string `json:"name"`
		Lua  string `json:"action.lua"`
	} `json:"definitions"`
}

func argoDefinitions(t *testing.T, settings map[string]string, kind string) (defined actionsOf) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(settings["resource.customizations.actions.partner-operator.io_"+kind]), &defined); err != nil {
		t.Fatal(err)
	}
	return defined
}

// argoActions asks which buttons there are on an object.
func argoActions(t *testing.T, settings map[string]string, object *unstructured.Unstructured) (found []action) {
	t.Helper()
	defined := argoDefinitions(t, settings, object.GetKind())
	if defined.Discovery == "" {
		return nil
	}
	discovered := map[string]action{}
	runLua(t, defined.Discovery, object, nil, &discovered)
	for _, definition := range defined.Definitions {
		one, known := discovered[definition.Name]
		if !known || one.DisplayName == "" || one.IconClass == "" {
			t.Errorf("%s: the button %s is not discovered, or is bare: %+v", object.GetKind(), definition.Name, one)
		}
		delete(discovered, definition.Name)
		one.Name = definition.Name
		found = append(found, one)
	}
	for name := range discovered {
		t.Errorf("%s: the button %s does nothing", object.GetKind(), name)
	}
	return found
}

// argoRuns presses a button, as Argo CD does: it runs the script whether or not the button is disabled, and patches what
// the script changed. It is false if that is nothing.
func argoRuns(t *testing.T, settings map[string]string, object *unstructured.Unstructured, name string, params map[string]string) bool {
	t.Helper()
	for _, definition := range argoDefinitions(t, settings, object.GetKind()).Definitions {
		if definition.Name != name {
			continue
		}
		var changed map[string]any
		runLua(t, definition.Lua, object, params, &changed)
		patch := mergePatch(t, object.Object, likeBefore(changed, object.Object))
		if string(patch) == "{}" {
			return false
		}
		if err := api.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner("argocd-server")); err != nil {
			t.Fatalf("%s: %v: %s", name, err, patch)
		}
		return true
	}
	t.Fatalf("%s has no button %s", object.GetKind(), name)
	return false
}

func mergePatch(t *testing.T, before, after any) []byte {
	t.Helper()
	var texts [2][]byte
	for i, object := range []any{before, after} {
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = text
	}
	patch, err := jsonpatch.CreateMergePatch(texts[0], texts[1])
	if err != nil {
		t.Fatal(err)
	}
	return patch
}

// likeBefore makes maps of empty lists where there was a map before: Lua does not tell them apart, and Argo CD does this.
func likeBefore(after, before any) any {
	switch was := before.(type) {
	case map[string]any:
		if list, ok := after.([]any); ok && len(list) == 0 {
			return map[string]any{}
		}
		if now, ok := after.(map[string]any); ok {
			for key := range now {
				now[key] = likeBefore(now[key], was[key])
			}
		}
	case []any:
		if now, ok := after.([]any); ok {
			for i := range min(len(now), len(was)) {
				now[i] = likeBefore(now[i], was[i])
			}
		}
	}
	return after
}

// runLua runs a script on an object in as small a world as Argo CD's, without its clock: the base and table libraries.
func runLua(t *testing.T, script string, object *unstructured.Unstructured, params map[string]string, result any) {
	t.Helper()
	if err := tryLua(t.Context(), script, object, params, result); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

func tryLua(ctx context.Context, script string, object *unstructured.Unstructured, params map[string]string, result any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	state.SetContext(ctx)
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return err
		}
	}
	state.SetGlobal("obj", luaValue(state, object.Object))
	if params != nil { // before 3.0 Argo CD had none
		given := state.NewTable()
		for name, value := range params {
			given.RawSetString(name, lua.LString(value))
		}
		state.SetGlobal("actionParams", given)
	}
	if err := state.DoString(script); err != nil {
		return err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return fmt.Errorf("the script returned a %s", returned.Type())
	}
	text, err := luajson.Encode(returned)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// luaValue is a value of an object as Argo CD gives it to a script.
func luaValue(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		list := state.NewTable()
		for _, each := range value {
			list.Append(luaValue(state, each))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for key, each := range value {
			table.RawSetString(key, luaValue(state, each))
		}
		return table
	default:
		return lua.LNil
	}
}
