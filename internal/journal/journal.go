// Package journal writes what happens to objects: an event, which the API server keeps for an hour, and a line in the log.
package journal

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	eventsv1 "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/partner-operator/partner-operator/internal/event"
)

// name is the name that the operator reports events under.
const name = "partner-operator"

// Journal records events and logs them. What is sent is logged where it is sent, and not once more.
//
// The manager has a recorder, too, but that drops what it is writing when the manager ends.
type Journal struct {
	events.EventRecorder
	log    logr.Logger
	scheme *runtime.Scheme

	broadcaster events.EventBroadcaster
	writes      *writes
	stop        context.CancelFunc
}

// Open begins a journal of a manager's process.
func Open(mgr ctrl.Manager) (*Journal, error) {
	api, err := eventsv1.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	under := &writes{EventSink: &events.EventSinkImpl{Interface: api}}
	broadcaster := events.NewBroadcaster(under)
	ctx, stop := context.WithCancel(klog.NewContext(context.Background(), mgr.GetLogger().WithName("journal")))
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	return &Journal{
		EventRecorder: broadcaster.NewRecorder(mgr.GetScheme(), name),
		log:           mgr.GetLogger().WithName("journal"), scheme: mgr.GetScheme(),
		broadcaster: broadcaster, writes: under, stop: stop,
	}, nil
}

// Eventf records an event about an object.
func (j *Journal) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	j.EventRecorder.Eventf(regarding, related, eventType, reason, action, note, args...)
	if action == event.ActionSend {
		return
	}
	of := []any{"type", eventType, "note", fmt.Sprintf(note, args...)}
	if kind, err := apiutil.GVKForObject(regarding, j.scheme); err == nil {
		of = append(of, "kind", kind.Kind)
	}
	if object, err := meta.Accessor(regarding); err == nil {
		of = append(of, "namespace", object.GetNamespace(), "name", object.GetName())
	}
	j.log.Info(reason, of...)
}

// Close waits until the events that were recorded are written, as long as the context allows, and takes no more.
func (j *Journal) Close(ctx context.Context) {
	j.writes.rest(ctx) // what was recorded a moment ago is on its way to the broadcaster
	j.broadcaster.Shutdown()
	j.writes.rest(ctx)
	j.stop()
}
