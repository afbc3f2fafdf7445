package controller

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// A namespace may hold thousands of programs. What waits for its mail is looked up once, not once for each of them.
func TestNewsOfTheMailIsToldOnceForEachNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		program := func(namespace, name string) *v1alpha1.Program {
			return &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		}
		programs := fakeCache(t).WithObjects(program("acme", "gold"), program("acme", "silver"), program("evil", "one")).Build()
		news := &mailNews{Reader: programs}
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		hears := func(heard *[]string, follow func(handler.EventHandler) source.Source) {
			queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer queue.ShutDown()
			s := follow(handler.Funcs{GenericFunc: func(_ context.Context, e event.GenericEvent, _ requestQueue) {
				*heard = append(*heard, client.ObjectKeyFromObject(e.Object).String())
			}})
			if err := s.Start(ctx, queue); err != nil {
				t.Fatal(err)
			}
		}
		var ofPrograms, ofMails []string
		hears(&ofPrograms, news.followPrograms)
		hears(&ofMails, news.follow)
		news.tell(ctx, "acme")
		synctest.Wait()
		news.tell(ctx, "")
		synctest.Wait()
		for _, test := range []struct{ heard, want []string }{
			{ofPrograms, []string{"acme/gold", "acme/gold", "acme/silver", "acme/silver", "evil/one"}},
			{ofMails, []string{"acme/gold", "acme/gold", "evil/one"}},
		} {
			slices.Sort(test.heard)
			if !slices.Equal(test.heard, test.want) {
				t.Errorf("told: %v, want %v", test.heard, test.want)
			}
		}
	})
}
