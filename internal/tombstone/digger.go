package tombstone

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// gatherTime is for how long addresses are gathered before they are written together: an import of thousands is a few
// writes.
const gatherTime = 2 * time.Second

// Digger writes tombstones. Only the leader has one.
type Digger struct {
	*Yard
	// Writer writes ConfigMaps.
	Writer client.Writer

	turn  sync.Mutex
	plots map[types.UID]*plot
}

// plot is a program with the marks that are to be written.
type plot struct {
	program *v1alpha1.Program
	marks   map[string]bool
}

// Note remembers that an address has a partnership in a program. It is written within seconds; until then, and if that
// fails, each look at the partnership notes it again.
func (d *Digger) Note(ctx context.Context, p *v1alpha1.Program, address string) error {
	has, err := d.Has(ctx, p, address)
	if has || err != nil {
		return err
	}
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.plots == nil {
		d.plots = map[types.UID]*plot{}
	}
	if d.plots[p.UID] == nil {
		d.plots[p.UID] = &plot{program: p.DeepCopy(), marks: map[string]bool{}}
	}
	d.plots[p.UID].marks[d.marks(p, address)[0]] = true
	return nil
}

// Start writes what was noted, until the context ends. It is a runnable of the manager.
func (d *Digger) Start(ctx context.Context) error {
	ticker := time.NewTicker(gatherTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherTime)
			defer cancel()
			d.flush(last)
			return nil
		case <-ticker.C:
			d.flush(ctx)
		}
	}
}

// flush writes what was noted. What cannot be written stays noted.
func (d *Digger) flush(ctx context.Context) {
	d.turn.Lock()
	plots := d.plots
	d.plots = nil
	d.turn.Unlock()
	for _, each := range plots {
		err := d.write(ctx, each)
		if err == nil || namespaceGoes(err) {
			continue
		}
		log.FromContext(ctx).Error(err, "Tombstones could not be written; trying again", "namespace", each.program.Namespace, "program", each.program.Name)
		d.putBack(each)
	}
}

// namespaceGoes tells whether a page cannot be made because the namespace is being deleted, or is gone: then nobody can
// apply there any more. Trying again would go on for as long as the process lives.
func namespaceGoes(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	var answer apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &answer) {
		return false
	}
	details := answer.Status().Details
	return details != nil && details.Kind == "namespaces"
}

func (d *Digger) putBack(failed *plot) {
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.plots == nil {
		d.plots = map[types.UID]*plot{}
	}
	if newer := d.plots[failed.program.UID]; newer != nil {
		for mark := range newer.marks {
			failed.marks[mark] = true
		}
	}
	d.plots[failed.program.UID] = failed
}

// write adds marks to the last page of a program, and to new ones behind it. A mark may stand on two pages, if a cache was
// behind; that changes nothing.
func (d *Digger) write(ctx context.Context, each *plot) error {
	pages, err := d.read(ctx, each.program)
	if err != nil {
		return err
	}
	names := sorted(pages)
	if len(names) > 0 {
		name := names[len(names)-1]
		if room := perPage - len(pages[name].marks); room > 0 {
			if err := d.add(ctx, each, name, pages[name], room); err != nil {
				return err
			}
		}
	}
	for number := len(names); len(each.marks) > 0; number++ {
		if err := d.begin(ctx, each, number); err != nil {
			return err
		}
	}
	return nil
}

// add puts marks on a page that has room.
func (d *Digger) add(ctx context.Context, each *plot, name string, before page, room int) error {
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: each.program.Namespace, Name: name}}
	empty := configMap.DeepCopy()
	configMap.Data = each.take(room)
	err := d.Writer.Patch(ctx, configMap, client.MergeFrom(empty))
	if err != nil {
		each.giveBack(configMap.Data)
		return err
	}
	d.keep(configMap, before.seen)
	return nil
}

// begin makes a new page.
func (d *Digger) begin(ctx context.Context, each *plot, number int) error {
	p := each.program
	owner := metav1.NewControllerRef(p, v1alpha1.GroupVersion.WithKind("Program"))
	owner.BlockOwnerDeletion = nil // it would take the right to change the program's finalizers
	configMap := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.Namespace, Name: pageName(p, number), Labels: map[string]string{Label: string(p.UID)}, OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Data: each.take(perPage),
	}
	marks := configMap.Data
	err := d.Writer.Create(ctx, configMap)
	if err != nil {
		each.giveBack(marks)
		return err
	}
	d.keep(configMap, "")
	return nil
}

// take takes up to so many marks out of a plot.
func (p *plot) take(most int) map[string]string {
	taken := map[string]string{}
	for mark := range p.marks {
		if len(taken) == most {
			break
		}
		taken[mark] = ""
		delete(p.marks, mark)
	}
	return taken
}

func (p *plot) giveBack(marks map[string]string) {
	for mark := range marks {
		p.marks[mark] = true
	}
}
