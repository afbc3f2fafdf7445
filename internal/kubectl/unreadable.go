package kubectl

import (
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// problemOf says which fields of an object cannot be read. It is empty if all can.
func problemOf(o client.Object) string {
	if decoded, ok := o.(interface{ Problem() string }); ok {
		return decoded.Problem()
	}
	return ""
}

// warnUnreadable writes a line for each object of a list that cannot be read as a whole.
func warnUnreadable(w io.Writer, list client.ObjectList) error {
	return meta.EachListItem(list, func(item runtime.Object) error {
		o, ok := item.(client.Object)
		if !ok || problemOf(o) == "" {
			return nil
		}
		_, err := fmt.Fprintf(w, "warning: %s/%s: %s\n", o.GetNamespace(), o.GetName(), problemOf(o))
		return err
	})
}

// leftOut collects the objects that are not exported, since a part of them would be missing.
type leftOut []error

// leave reports whether an object is left out.
func (l *leftOut) leave(o client.Object) bool {
	problem := problemOf(o)
	if problem != "" {
		*l = append(*l, fmt.Errorf("%s/%s is not exported: %s", o.GetNamespace(), o.GetName(), problem))
	}
	return problem != ""
}

// err is what is left to say after everything else is written.
func (l *leftOut) err() error { return errors.Join(*l...) }
