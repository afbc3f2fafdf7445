package brandbook

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// liveTimeout is how long the API server may take to answer.
const liveTimeout = 10 * time.Second

// versions asks the API server for the version of ConfigMaps, once for all who ask while it answers somebody else: each
// gets what was read after they asked, and a burst of mails costs a few reads instead of one for each.
type versions struct {
	mutex sync.Mutex
	asked map[client.ObjectKey]*line
}

// line is who asks for the version of one ConfigMap. While the API server is asked, others wait for the next answer.
type line struct{ next *answer }

type answer struct {
	given   chan struct{} // closed once it is
	version string
	err     error
}

// of is the resourceVersion that a ConfigMap has at some moment after the call; empty: there is none.
func (v *versions) of(ctx context.Context, live client.Reader, key client.ObjectKey) (string, error) {
	a := v.join(ctx, live, key)
	select {
	case <-a.given:
		return a.version, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// join gives an answer that is to come. The first to ask sees to it.
func (v *versions) join(ctx context.Context, live client.Reader, key client.ObjectKey) *answer {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	waiting, busy := v.asked[key]
	if !busy {
		waiting = &line{}
		if v.asked == nil {
			v.asked = map[client.ObjectKey]*line{}
		}
		v.asked[key] = waiting
		defer func() { go v.answer(context.WithoutCancel(ctx), live, key, waiting) }() // others may wait longer than this one
	}
	if waiting.next == nil {
		waiting.next = &answer{given: make(chan struct{})}
	}
	return waiting.next
}

// answer asks the API server as long as somebody waits.
func (v *versions) answer(ctx context.Context, live client.Reader, key client.ObjectKey, waiting *line) {
	for {
		v.mutex.Lock()
		a := waiting.next
		waiting.next = nil
		if a == nil {
			delete(v.asked, key)
		}
		v.mutex.Unlock()
		if a == nil {
			return
		}
		a.version, a.err = read(ctx, live, key)
		close(a.given)
	}
}

func read(ctx context.Context, live client.Reader, key client.ObjectKey) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	var meta metav1.PartialObjectMetadata
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	err := live.Get(ctx, key, &meta)
	return meta.ResourceVersion, client.IgnoreNotFound(err)
}
