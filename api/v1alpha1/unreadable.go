package v1alpha1

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// A list or watch fails as a whole if one of its objects cannot be decoded. So a single value that the schema accepts and
// Go does not, which an older CRD, a restore or an edit of status may have let in, would keep every object of its kind from
// being seen. Each kind therefore decodes whatever is stored, and remembers which fields it could not read.

// Unreadable lists the fields of a stored object whose values could not be read, such as spec.validUntil. They are empty
// in Go, so that the object must not be written back as a whole, and must not give anybody access.
// +kubebuilder:object:generate=true
type Unreadable struct {
	// UnreadableFields are the paths of the fields, at most 8.
	UnreadableFields []string `json:"-"`
}

// maxUnreadable is how many fields are named: enough to fix an object, and not more than a message can hold.
const maxUnreadable = 8

// IsReadable reports whether every field could be read.
func (u *Unreadable) IsReadable() bool { return len(u.UnreadableFields) == 0 }

// Problem says which fields cannot be read. It is empty if all can.
func (u *Unreadable) Problem() string {
	switch fields := u.UnreadableFields; len(fields) {
	case 0:
		return ""
	case 1:
		return fields[0] + " holds a value that cannot be read; correct it or remove it"
	default:
		return strings.Join(fields, ", ") + " hold values that cannot be read; correct them or remove them"
	}
}

// add notes a field.
func (u *Unreadable) add(path string) {
	if len(u.UnreadableFields) < maxUnreadable {
		u.UnreadableFields = append(u.UnreadableFields, path)
	}
}

// check notes a timestamp that is not a moment.
func (u *Unreadable) check(path string, t Timestamp) {
	if !t.IsReadable() {
		u.add(path)
	}
}

// UnmarshalJSON decodes a program, whatever it holds.
func (p *Program) UnmarshalJSON(data []byte) error {
	type plain Program
	return decode(data, (*plain)(p), &p.Unreadable)
}

// UnmarshalJSON decodes a group, whatever it holds.
func (g *PartnerGroup) UnmarshalJSON(data []byte) error {
	type plain PartnerGroup
	return decode(data, (*plain)(g), &g.Unreadable)
}

// UnmarshalJSON decodes a team, whatever it holds.
func (t *PartnerTeam) UnmarshalJSON(data []byte) error {
	type plain PartnerTeam
	return decode(data, (*plain)(t), &t.Unreadable)
}

// UnmarshalJSON decodes an invite, whatever it holds.
func (i *PartnerInvite) UnmarshalJSON(data []byte) error {
	type plain PartnerInvite
	err := decode(data, (*plain)(i), &i.Unreadable)
	i.check("spec.notAfter", i.Spec.NotAfter)
	return err
}

// UnmarshalJSON decodes a partnership, whatever it holds.
func (p *Partnership) UnmarshalJSON(data []byte) error {
	type plain Partnership
	err := decode(data, (*plain)(p), &p.Unreadable)
	p.check("spec.validUntil", p.Spec.ValidUntil)
	p.check("spec.application.submittedTime", p.Spec.Application.SubmittedTime)
	return err
}

// UnmarshalJSON decodes a link, whatever it holds.
func (l *PartnerLink) UnmarshalJSON(data []byte) error {
	type plain PartnerLink
	return decode(data, (*plain)(l), &l.Unreadable)
}

// decode decodes an object, and what can be read of it if some of it cannot. An error means that it is not even an object.
func decode[T any](data []byte, into *T, unreadable *Unreadable) error {
	unreadable.UnreadableFields = nil
	err := utiljson.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	var fields map[string]json.RawMessage
	if utiljson.Unmarshal(data, &fields) != nil {
		return err
	}
	salvage(data, reflect.ValueOf(into).Elem(), "", unreadable)
	if unreadable.IsReadable() { // what could not be read is not below a field, so nothing can be relied upon
		return errors.Join(errors.New("the object cannot be read"), err)
	}
	return nil
}

// salvage decodes into a value what can be decoded, and notes the paths of what cannot.
func salvage(data []byte, into reflect.Value, path string, unreadable *Unreadable) {
	into.SetZero() // a decoder may have stopped in the middle
	if utiljson.Unmarshal(data, into.Addr().Interface()) == nil {
		return
	}
	into.SetZero()
	if _, own := into.Addr().Interface().(json.Unmarshaler); !own && salvageParts(data, into, path, unreadable) {
		return
	}
	unreadable.add(strings.TrimPrefix(path, "."))
}

// salvageParts decodes the parts of a value one by one. It returns false if there are none.
func salvageParts(data []byte, into reflect.Value, path string, unreadable *Unreadable) bool {
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		salvage(data, into.Elem(), path, unreadable)
		return true
	case reflect.Struct:
		return salvageStruct(data, into, path, unreadable)
	case reflect.Slice:
		var items []json.RawMessage
		if utiljson.Unmarshal(data, &items) != nil {
			return false
		}
		into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
		for i, item := range items {
			salvage(item, into.Index(i), fmt.Sprintf("%s[%d]", path, i), unreadable)
		}
		return true
	default: // of a map the keys are data, which has no place in a path
		return false
	}
}

func salvageStruct(data []byte, into reflect.Value, path string, unreadable *Unreadable) bool {
	var fields map[string]json.RawMessage
	if utiljson.Unmarshal(data, &fields) != nil {
		return false
	}
	for i := range into.NumField() {
		field := into.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch value, given := fields[name]; {
		case name == "-" || !field.IsExported():
		case field.Anonymous && name == "":
			salvageStruct(data, into.Field(i), path, unreadable)
		case given:
			salvage(value, into.Field(i), path+"."+name, unreadable)
		}
	}
	return true
}
