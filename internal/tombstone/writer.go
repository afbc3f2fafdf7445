package tombstone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/metrics"
)

const (
	// gatherTime is for how long addresses are gathered before they are written together: an import of thousands is a few
	// writes.
	gatherTime = 2 * time.Second
	// writeTimeout is how long writing what was noted of one program may take.
	writeTimeout = 15 * time.Second
	// mostTurns is how many turns of gatherTime what could not be written waits at most until the next try.
	mostTurns = 32
	// mostForeign is how many names of pages in a row may be taken by something else.
	mostForeign = 10
	// toleratedFailures is how many tries in a row may fail before the program says so.
	toleratedFailures = 3
)

// Writer notes who is a partner. Only the leader has one.
type Writer struct {
	*Store
	// Client writes pages.
	Client client.Writer
	// Programs tells of programs that are deleted; nil: their pages are removed when the next Writer starts.
	Programs cache.Informers
	// Namespaces are those that are watched; empty: all.
	Namespaces []string

	mutex    sync.Mutex
	backlogs map[string]map[types.UID]*backlog // by namespace
	writing  map[string]bool                   // namespaces
	problems map[types.UID]Problem
	watchers []func(client.ObjectKey)
	deleted  atomic.Bool // a program was
}

// backlog is a program with the marks that are to be written.
type backlog struct {
	program  *v1alpha1.Program
	marks    map[string]string // with what is noted of each
	failures int               // in a row
	wait     int               // how many turns to leave out
}

// Problem tells why nobody who is removed from a program from now on is remembered.
type Problem struct {
	// Reason is a reason of v1alpha1.ConditionRemovalsRemembered; empty: there is no problem.
	Reason string
	// Message says what is in the way, and what to do.
	Message string
}

func (p Problem) Error() string { return p.Message }

// Note remembers that an address has a partnership in a program. It is written within seconds; until then, and if that
// fails, each look at the partnership notes it again. What other keys have marked does not count: they may be retired.
func (w *Writer) Note(ctx context.Context, p *v1alpha1.Program, address string) error {
	return w.note(ctx, p, w.Keys.Marker().Mark(string(p.UID), address), inForce)
}

// NoteMember remembers that a person is in a team that has a partnership in a program.
func (w *Writer) NoteMember(ctx context.Context, p *v1alpha1.Program, address string) error {
	return w.note(ctx, p, w.Keys.Marker().Mark(members(p), address), inForce)
}

// ReleaseMember notes that a person left every team that has a partnership in a program, before it was ended.
func (w *Writer) ReleaseMember(ctx context.Context, p *v1alpha1.Program, address string) error {
	return w.release(ctx, p, memberMarks(w.Keys, p, address))
}

// release notes something else of whoever has one of these marks, the newest first.
func (w *Writer) release(ctx context.Context, p *v1alpha1.Program, marks []string) error {
	is, err := w.has(ctx, p, marks)
	if err != nil {
		return err
	}
	w.mutex.Lock()
	waits := w.waits(p, marks[0])
	w.mutex.Unlock()
	if !is && !waits {
		return nil
	}
	return w.note(ctx, p, marks[0], released)
}

func (w *Writer) note(ctx context.Context, p *v1alpha1.Program, mark, value string) error {
	pages, err := w.pages(ctx, p)
	if err != nil {
		return err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if now, there := noted(pages, mark); there && now == value && !w.waits(p, mark) {
		return nil
	}
	w.add(&backlog{program: p.DeepCopy(), marks: map[string]string{mark: value}})
	return nil
}

// waits reports whether something is to be written about a mark. The caller holds the mutex.
func (w *Writer) waits(p *v1alpha1.Program, mark string) bool {
	of := w.backlogs[p.Namespace][p.UID]
	if of == nil {
		return false
	}
	_, waits := of.marks[mark]
	return waits
}

// add adds to what is to be written. The caller holds the mutex.
func (w *Writer) add(more *backlog) {
	of := w.backlogs[more.program.Namespace]
	if of == nil {
		of = map[types.UID]*backlog{}
		if w.backlogs == nil {
			w.backlogs = map[string]map[types.UID]*backlog{}
		}
		w.backlogs[more.program.Namespace] = of
	}
	before := of[more.program.UID]
	if before == nil {
		of[more.program.UID] = more
		return
	}
	maps.Copy(before.marks, more.marks)
	before.failures, before.wait = max(before.failures, more.failures), max(before.wait, more.wait)
}

// Problem tells what keeps the removals of a program from being remembered; its Reason is empty if nothing does.
func (w *Writer) Problem(p *v1alpha1.Program) Problem {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.problems[p.UID]
}

// OnProblem calls a function, from then on, when the Problem of a program has changed.
func (w *Writer) OnProblem(changed func(program client.ObjectKey)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.watchers = append(w.watchers, changed)
}

// Start writes what was noted, and removes the pages of programs that are gone, until the context ends. It is a runnable
// of the manager.
func (w *Writer) Start(ctx context.Context) error {
	if w.Programs != nil {
		informer, err := w.Programs.GetInformer(ctx, &v1alpha1.Program{})
		if err != nil {
			return fmt.Errorf("following programs that go: %w", err)
		}
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{DeleteFunc: func(any) { w.deleted.Store(true) }})
		if err != nil {
			return fmt.Errorf("following programs that go: %w", err)
		}
		defer func() { _ = informer.RemoveEventHandler(registration) }()
	}
	w.deleted.Store(true) // some may have gone while nobody looked
	ticker := time.NewTicker(gatherTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherTime)
			defer cancel()
			w.flush(last).Wait()
			return nil
		case <-ticker.C:
			w.flush(ctx)
			if w.deleted.Swap(false) {
				if err := w.sweep(ctx); err != nil && ctx.Err() == nil {
					log.FromContext(ctx).Error(err, "What was remembered of programs that are gone could not be removed; trying again")
					w.deleted.Store(true)
				}
			}
		}
	}
}

// flush begins to write what was noted. Namespaces do not wait for each other.
func (w *Writer) flush(ctx context.Context) *sync.WaitGroup {
	var done sync.WaitGroup
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for namespace, of := range w.backlogs {
		if w.writing[namespace] {
			continue
		}
		due := make([]*backlog, 0, len(of))
		for uid, each := range of {
			if each.wait > 0 {
				each.wait--
				continue
			}
			due = append(due, each)
			delete(of, uid)
		}
		if len(due) == 0 {
			continue
		}
		if w.writing == nil {
			w.writing = map[string]bool{}
		}
		w.writing[namespace] = true
		done.Go(func() { w.writeAll(ctx, namespace, due) })
	}
	return &done
}

// writeAll writes what was noted in a namespace. What cannot be written stays noted.
func (w *Writer) writeAll(ctx context.Context, namespace string, due []*backlog) {
	for _, each := range due {
		limited, cancel := context.WithTimeout(ctx, writeTimeout)
		err := w.write(limited, each)
		cancel()
		if err != nil {
			log.FromContext(ctx).Error(err, "Who is a partner could not be noted; trying again", "namespace", namespace, "program", each.program.Name)
		}
		w.wrote(each, err)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.writing, namespace)
	waiting := 0
	for _, each := range w.backlogs[namespace] {
		waiting += len(each.marks)
	}
	if waiting == 0 {
		delete(w.backlogs, namespace)
		metrics.MarksWaiting.DeleteLabelValues(namespace)
		return
	}
	metrics.MarksWaiting.WithLabelValues(namespace).Set(float64(waiting))
}

// wrote takes note of how a try to write ended.
func (w *Writer) wrote(each *backlog, err error) {
	var problem Problem
	w.mutex.Lock()
	if err != nil {
		each.failures++
		each.wait = min(1<<min(each.failures-1, 10), mostTurns) - 1
		w.add(each)
		if !errors.As(err, &problem) && each.failures >= toleratedFailures {
			problem = Problem{v1alpha1.ReasonWriteFailed, "who is a partner cannot be noted, so join links will not refuse whoever is removed from now on: " + err.Error()}
		}
	}
	before := w.problems[each.program.UID]
	if err != nil && (problem.Reason == "" || problem.Reason == before.Reason) {
		problem = before // it may be nothing; and another wording of the same is no news
	}
	if problem.Reason == "" {
		delete(w.problems, each.program.UID)
	} else {
		if w.problems == nil {
			w.problems = map[types.UID]Problem{}
		}
		w.problems[each.program.UID] = problem
	}
	watchers := slices.Clone(w.watchers)
	w.mutex.Unlock()
	if before != problem {
		for _, changed := range watchers {
			changed(client.ObjectKeyFromObject(each.program))
		}
	}
}

// some returns up to so many of the marks.
func (b *backlog) some(most int) map[string]string {
	marks := map[string]string{}
	for mark, value := range b.marks {
		if len(marks) == most {
			break
		}
		marks[mark] = value
	}
	return marks
}

func (b *backlog) written(marks map[string]string) {
	for mark := range marks {
		delete(b.marks, mark)
	}
}
