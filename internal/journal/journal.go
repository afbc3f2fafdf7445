// Package journal writes what happens to objects into the log, beside the events that the API server keeps for an hour.
package journal

import (
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/partner-operator/partner-operator/internal/event"
)

// name is the name that the operator reports events under.
const name = "partner-operator"

// recorder records events and logs them.
type recorder struct {
	events.EventRecorder
	log    logr.Logger
	scheme *runtime.Scheme
}

// Of records the events of a manager's process, with a line in its log for each. What is sent is logged where it is
// sent, and not once more.
func Of(mgr ctrl.Manager) events.EventRecorder {
	return recorder{mgr.GetEventRecorder(name), mgr.GetLogger().WithName("journal"), mgr.GetScheme()}
}

// Eventf records an event about an object.
func (r recorder) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	r.EventRecorder.Eventf(regarding, related, eventType, reason, action, note, args...)
	if action == event.ActionSend {
		return
	}
	of := []any{"type", eventType, "note", fmt.Sprintf(note, args...)}
	if kind, err := apiutil.GVKForObject(regarding, r.scheme); err == nil {
		of = append(of, "kind", kind.Kind)
	}
	if object, err := meta.Accessor(regarding); err == nil {
		of = append(of, "namespace", object.GetNamespace(), "name", object.GetName())
	}
	r.log.Info(reason, of...)
}
