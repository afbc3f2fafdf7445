package kubectl

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// DryRun tells how much of what a verb does is for real.
type DryRun string

// The values of --dry-run.
const (
	// DryRunNone: it is done.
	DryRunNone DryRun = "none"
	// DryRunClient: nothing is sent; what would be sent is shown.
	DryRunClient DryRun = "client"
	// DryRunServer: the API server judges it, and keeps nothing.
	DryRunServer DryRun = "server"
)

// Desk is where a verb works: a namespace of a cluster.
type Desk struct {
	// Client reaches the cluster. It is nil where a verb needs none: with DryRunClient, to make something new.
	Client client.Client
	// Namespace is the tenant.
	Namespace string
	// DryRun is how much is for real; empty: all.
	DryRun DryRun
	// Now is the clock.
	Now func() time.Time
}

// Outcome is what became of one object.
type Outcome struct {
	// Object is the object as it is afterwards.
	Object client.Object
	// Action is one word: approved, created, unchanged and so on.
	Action string
	// Note is more about it, in a few words; empty: nothing.
	Note string
}

// unchanged is the action where nothing had to be done.
const unchanged = "unchanged"

// nothingToDo is the outcome of a verb that found everything done.
func nothingToDo(object client.Object, note string) (Outcome, error) {
	return Outcome{Object: object, Action: unchanged, Note: note}, nil
}

// change makes a change to an object that exists, as a merge patch, so that what it does not touch stays as it is. An
// empty change is not sent.
func change[T client.Object](ctx context.Context, d Desk, object T, action string, mutate func(T)) (Outcome, error) {
	before := object.DeepCopyObject().(T)
	mutate(object)
	patch, err := client.MergeFrom(before).Data(object)
	switch {
	case err != nil:
		return Outcome{}, err
	case string(patch) == "{}":
		return nothingToDo(object, "")
	case d.DryRun == DryRunClient:
		return Outcome{Object: object, Action: action}, nil
	}
	options := []client.PatchOption{client.FieldOwner(FieldManager)}
	if d.DryRun == DryRunServer {
		options = append(options, client.DryRunAll)
	}
	if err := d.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), options...); err != nil {
		return Outcome{}, err
	}
	return Outcome{Object: object, Action: action}, nil
}

// create makes a new object.
func (d Desk) create(ctx context.Context, object client.Object) error {
	switch d.DryRun {
	case DryRunClient:
		return nil
	case DryRunServer:
		return d.Client.Create(ctx, object, client.FieldOwner(FieldManager), client.DryRunAll)
	default:
		return d.Client.Create(ctx, object, client.FieldOwner(FieldManager))
	}
}

// remove deletes exactly this object, and not one that has its name by now.
func (d Desk) remove(ctx context.Context, object client.Object) error {
	uid := object.GetUID()
	options := []client.DeleteOption{client.Preconditions{UID: &uid}}
	switch d.DryRun {
	case DryRunClient:
		return nil
	case DryRunServer:
		options = append(options, client.DryRunAll)
	default:
	}
	return d.Client.Delete(ctx, object, options...)
}

// pageSize is how many objects are asked for at once.
const pageSize = 500

// eachPage lists page by page, so that no answer gets too long. Each page is given to visit and may be forgotten after.
func eachPage(ctx context.Context, c client.Reader, page client.ObjectList, visit func() error, options ...client.ListOption) error {
	next := ""
	for {
		if err := c.List(ctx, page, append(options, client.Limit(pageSize), client.Continue(next))...); err != nil {
			return err
		}
		if err := visit(); err != nil {
			return err
		}
		if next = page.GetContinue(); next == "" {
			return nil
		}
	}
}

// dryRunSuffix is what a line says about what was not for real.
func dryRunSuffix(d DryRun) string {
	if d == DryRunClient || d == DryRunServer {
		return fmt.Sprintf(" (%s dry run)", d)
	}
	return ""
}
