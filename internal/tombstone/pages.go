package tombstone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// write adds marks to the last page of a program, and to new ones behind it. A mark may stand on two pages, if the cache
// was behind; that changes nothing.
func (w *Writer) write(ctx context.Context, each *backlog) error {
	var now v1alpha1.Program
	if err := w.Cache.Get(ctx, client.ObjectKeyFromObject(each.program), &now); client.IgnoreNotFound(err) != nil {
		return err
	} else if now.UID != each.program.UID {
		clear(each.marks) // it is gone, and what was noted of it with it
		return nil
	}
	pages, err := w.pages(ctx, each.program)
	if err != nil {
		return err
	}
	if err := w.rewrite(ctx, each, pages); err != nil {
		return err
	}
	next := 0
	var last *corev1.ConfigMap
	for i := range pages {
		if number := numberOf(each.program, pages[i].Name); number >= next {
			last, next = &pages[i], number+1
		}
	}
	if last != nil {
		if err := w.fill(ctx, each, last); err != nil {
			return err
		}
	}
	for foreign := 0; len(each.marks) > 0; next++ {
		begun, err := w.begin(ctx, each, next)
		switch {
		case err != nil:
			return err
		case begun:
			foreign = 0
		default:
			foreign++
		}
		if foreign == mostForeign {
			return Problem{v1alpha1.ReasonNameTaken, fmt.Sprintf(
				"join links will not refuse whoever is removed from now on: ConfigMap %q in namespace %q, and %d before it, are not the operator's; delete them",
				pageName(each.program, next), w.Namespace, mostForeign-1)}
		}
	}
	return nil
}

// rewrite notes something else of marks that stand on pages.
func (w *Writer) rewrite(ctx context.Context, each *backlog, pages []corev1.ConfigMap) error {
	for i := range pages {
		changed := map[string]string{}
		for mark, value := range each.marks {
			if before, there := pages[i].Data[mark]; there && before != value {
				changed[mark] = value
			}
		}
		if len(changed) == 0 {
			continue
		}
		if err := w.patch(ctx, pages[i].Name, changed); err != nil {
			return err
		}
	}
	for mark := range each.marks {
		if _, there := noted(pages, mark); there {
			delete(each.marks, mark)
		}
	}
	return nil
}
func (w *Writer) patch(ctx context.Context, page string, marks map[string]string) error {
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: page}}
	empty := configMap.DeepCopy()
	configMap.Data = marks
	return w.Client.Patch(ctx, configMap, client.MergeFrom(empty))
}

// fill adds marks to a page as far as it has room.
func (w *Writer) fill(ctx context.Context, each *backlog, page *corev1.ConfigMap) error {
	room := perPage - len(page.Data)
	if room <= 0 {
		return nil
	}
	marks := each.some(room)
	if err := w.patch(ctx, page.Name, marks); err != nil {
		return err
	}
	each.written(marks)
	return nil
}

// begin makes a new page. It is false if its name is taken by something that is none of the program.
func (w *Writer) begin(ctx context.Context, each *backlog, number int) (bool, error) {
	p := each.program
	var all corev1.ConfigMapList
	if err := w.Pages.List(ctx, &all, client.InNamespace(w.Namespace), client.MatchingLabels{NamespaceLabel: p.Namespace}, client.UnsafeDisableDeepCopy); err != nil {
		return false, err
	}
	if len(all.Items) >= mostPages {
		return false, Problem{v1alpha1.ReasonTooMany, fmt.Sprintf(
			"join links will not refuse whoever becomes a partner and is removed from now on: the programs of this namespace have had %d partners, which is the most; delete the ConfigMaps with %s=%s in namespace %q, which forgets those who were removed",
			mostPages*perPage, NamespaceLabel, p.Namespace, w.Namespace)}
	}
	marks := each.some(perPage)
	configMap := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.Namespace, Name: pageName(p, number),
			Labels:      map[string]string{Label: string(p.UID), NamespaceLabel: p.Namespace, "app.kubernetes.io/name": "partner-operator"},
			Annotations: map[string]string{ProgramAnnotation: p.Name},
		},
		Data: maps.Clone(marks),
	}
	err := w.Client.Create(ctx, configMap)
	if err == nil {
		each.written(marks)
		return true, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return false, err
	}
	var there corev1.ConfigMapList // listing takes no right beside those of the cache
	if err := w.Live.List(ctx, &there, client.InNamespace(w.Namespace), client.MatchingFields{"metadata.name": configMap.Name}); err != nil {
		return false, err
	}
	if len(there.Items) == 0 || there.Items[0].Labels[Label] != string(p.UID) {
		return false, nil
	}
	return true, w.fill(ctx, each, &there.Items[0]) // the cache has yet to see it
}

// sweep removes the pages of programs that are gone. Of those in a namespace that this process does not watch nothing is
// known, and theirs stay.
func (w *Writer) sweep(ctx context.Context) error {
	var pages corev1.ConfigMapList
	if err := w.Pages.List(ctx, &pages, client.InNamespace(w.Namespace), client.HasLabels{NamespaceLabel}, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	var failures []error
	for i := range pages.Items {
		page := &pages.Items[i]
		if len(w.Namespaces) > 0 && !slices.Contains(w.Namespaces, page.Labels[NamespaceLabel]) {
			continue
		}
		gone, err := lacks(ctx, w.Cache, page)
		if err == nil && gone {
			gone, err = lacks(ctx, w.Live, page) // a cache may not know a program yet
		}
		if err == nil && gone {
			err = client.IgnoreNotFound(w.Client.Delete(ctx, page.DeepCopy(), client.Preconditions{UID: &page.UID}))
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// lacks reports whether the program of a page is not there any more.
func lacks(ctx context.Context, from client.Reader, page *corev1.ConfigMap) (bool, error) {
	var programs v1alpha1.ProgramList
	err := from.List(ctx, &programs, client.InNamespace(page.Labels[NamespaceLabel]))
	return !slices.ContainsFunc(programs.Items, func(p v1alpha1.Program) bool { return string(p.UID) == page.Labels[Label] }), err
}

// pageName is the name of a program's page of a number.
func pageName(p *v1alpha1.Program, number int) string {
	return fmt.Sprintf("%s%d", pagePrefix(p), number)
}
func pagePrefix(p *v1alpha1.Program) string {
	return fmt.Sprintf("partner-tombstones-%s-%s-", p.Namespace, p.UID)
}

// numberOf is the number of a program's page of a name; -1: it has none.
func numberOf(p *v1alpha1.Program, name string) int {
	text, found := strings.CutPrefix(name, pagePrefix(p))
	number, err := strconv.Atoi(text)
	if !found || err != nil {
		return -1
	}
	return number
}
