package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// mailNews tells whoever follows the mail that something was learned of the mail server of a namespace, or of its brand.
type mailNews struct {
	client.Reader
	retries *retries
	// listeners hear of each program, or of one in each namespace.
	listeners []listener
}

type listener struct {
	events     chan event.GenericEvent
	toPrograms bool
}

// follow is a source of the namespaces that a change of the mail matters to, with a program in each. Call it before the
// manager starts.
func (m *mailNews) follow(handler handler.EventHandler) source.Source {
	return m.listen(handler, false)
}

// followPrograms is a source of the programs that a change of the mail matters to. Call it before the manager starts.
func (m *mailNews) followPrograms(handler handler.EventHandler) source.Source {
	return m.listen(handler, true)
}

func (m *mailNews) listen(handler handler.EventHandler, toPrograms bool) source.Source {
	events := make(chan event.GenericEvent, 64)
	m.listeners = append(m.listeners, listener{events, toPrograms})
	return source.Channel(events, handler)
}

// tell makes whoever follows the mail look at the programs of a namespace; empty: at all.
func (m *mailNews) tell(ctx context.Context, namespace string) {
	news := newsOf{m, namespace}
	if err := news.do(ctx); err != nil {
		m.retries.later(ctx, err, news, namespace)
	}
}

// newsOf is that something was learned of the mail of a namespace.
type newsOf struct {
	*mailNews

	namespace string
}

func (n newsOf) do(ctx context.Context) error {
	var programs v1alpha1.ProgramList
	if err := n.List(ctx, &programs, client.InNamespace(n.namespace)); err != nil {
		return err
	}
	for _, listener := range n.listeners {
		go func() {
			told := map[string]bool{}
			for i := range programs.Items {
				p := &programs.Items[i]
				if listener.toPrograms || !told[p.Namespace] {
					listener.events <- event.GenericEvent{Object: p.DeepCopy()}
				}
				told[p.Namespace] = true
			}
		}()
	}
	return nil
}
