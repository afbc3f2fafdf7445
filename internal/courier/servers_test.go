package courier

import (
	"context"
	"fmt"
	netmail "net/mail"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// Namespaces come and go, and their mail servers must not stay.
func TestTheMailServerOfABrandIsForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		url    string
		gone   bool
		after  time.Duration
		stands bool
	}{
		"not while it is used":                     {url: "smtp://mail.example:25?tls=none", stands: true},
		"when nobody asked for it for long":        {url: "smtp://mail.example:25?tls=none", after: idleServer + time.Minute},
		"not while its Secret can be mended":       {url: "none", after: idleServer + time.Minute, stands: true},
		"when its brand is gone":                   {url: "none", gone: true},
		"not while its Secret does not exist, yet": {after: idleServer + time.Minute, stands: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: brand.ConfigMapName}, Data: map[string]string{"smtpSecret": "smtp"}}
				objects := []client.Object{ours}
				if test.url != "" {
					objects = append(objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "smtp"}, Data: map[string][]byte{"url": []byte(test.url)}})
				}
				api := fake.NewClientBuilder().WithObjects(objects...).Build()
				book := &brandbook.Book{Cache: api, Live: api, Default: brand.Default(&netmail.Address{Address: "partners@example.com"})}
				c := New(Options{Client: api, Live: api, Book: book, Now: time.Now, Concurrency: 1, Tell: func(context.Context, string) {}})
				if _, err := c.Tenant(t.Context(), "acme"); err != nil {
					t.Fatal(err)
				}
				if test.gone {
					if err := api.Delete(t.Context(), ours); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(test.after)
				c.lookAgain(t.Context())
				if stands := c.servers.get("acme") != nil; stands != test.stands {
					t.Errorf("it is known: %v, want %v", stands, test.stands)
				}
				synctest.Wait()
			})
		})
	}
}

// A mail server that takes long to hang up must not take the time that the others and what is under way have to end.
func TestAllMailServersAreLetGoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, began := New(Options{Now: time.Now, Concurrency: 1}), time.Now()
		c.servers.shared = newTransport(&server{closes: time.Second}, "", rate.Inf, 1)
		for n := range 40 {
			c.servers.put(fmt.Sprint("brand", n), &ownServer{transport: newTransport(&server{closes: time.Second}, fmt.Sprint("brand", n), rate.Inf, 1)})
		}
		c.close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// The operator's own mail server outlives the namespaces that use it.
func TestTheSendersThatWriteNoMoreAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		d.book, d.servers.shared = &brandbook.Book{}, d.shared()
		refused := &delivery.Outcome{Class: delivery.Refused, Stage: delivery.StageSender, Code: 550, Message: "sender not allowed"}
		for namespace, o := range map[string]*delivery.Outcome{"acme": accepted(), "evil": refused, "gone": accepted()} {
			d.leave(t.Context(), d.ask(d.servers.shared, namespace, "ada")[0], o)
		}
		underWay := d.ask(d.servers.shared, "busy", "ada")
		time.Sleep(idleServer + time.Minute)
		d.leave(t.Context(), d.ask(d.servers.shared, "acme", "bob")[0], accepted())
		d.lookAgain(t.Context())
		var known []string
		for key := range d.servers.shared.senders {
			known = append(known, key.namespace)
		}
		slices.Sort(known)
		d.wants("known", known, []string{"acme", "busy", "evil"})
		d.leave(t.Context(), underWay[0], accepted())
	})
}
