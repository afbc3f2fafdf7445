package courier

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// takenBack are mails that failed, and whose refusal was not about them. The zero value is ready for use.
type takenBack struct {
	mutex sync.Mutex
	of    map[string][]delivery.Key // by object
}

func (t *takenBack) add(try delivery.Try) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.of == nil {
		t.of = map[string][]delivery.Key{}
	}
	if !slices.Contains(t.of[try.Object], try.Key) {
		t.of[try.Object] = append(t.of[try.Object], try.Key)
	}
}

// TakenBack are the mails of an object whose refusal was not about them, so that they are to be tried anew. Call the
// function that comes along once that is written, so that it happens once: a mail that then fails again has failed.
func (c *Courier) TakenBack(controller string, object client.Object) (keys []delivery.Key, written func()) {
	text := place{controller, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}}}.text()
	c.takenBack.mutex.Lock()
	defer c.takenBack.mutex.Unlock()
	keys = slices.Clone(c.takenBack.of[text])
	return keys, sync.OnceFunc(func() {
		c.takenBack.mutex.Lock()
		defer c.takenBack.mutex.Unlock()
		left := slices.DeleteFunc(c.takenBack.of[text], func(key delivery.Key) bool { return slices.Contains(keys, key) })
		if len(left) > 0 { // taken back since
			c.takenBack.of[text] = left
		} else {
			delete(c.takenBack.of, text)
		}
	})
}
