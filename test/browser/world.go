// Package browser uses the portal as people do, with a real Chromium, a real API server and real mail. It holds a list of
// every page of the portal, each in every state, with how a person gets there: the screenshots show them, and the tests
// look at all of them, besides the main walks, the keyboard alone, and what mail scanners do.
package browser

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"

	"github.com/partner-operator/partner-operator/hack/stage"
	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

// World is everything that the visits need: the system, and a browser.
type World struct {
	*stage.Stage
	API      client.Client
	Chromium *chromium.Browser

	visits atomic.Int32
}

// Start starts the world. The root is the folder of the project. The operator counts no requests for mail, and believes
// what a proxy in front of it would tell, so that visitors do not stand in each other's way.
func Start(ctx context.Context, root string) (*World, error) {
	log.SetLogger(logr.Discard())
	if _, err := chromium.Find(); err != nil {
		return nil, err
	}
	running, err := stage.Start(ctx, stage.Options{
		Root: root, Proxy: true, Args: []string{"--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"},
	})
	if err != nil {
		return nil, err
	}
	w := &World{Stage: running}
	if w.API, err = client.New(running.Cluster.Config, client.Options{}); err == nil {
		w.Chromium, err = chromium.Start(ctx, running.Portal())
	}
	if err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

// Stop stops everything.
func (w *World) Stop() error {
	if w.Chromium != nil {
		w.Chromium.Stop()
	}
	return w.Stage.Stop()
}

// Visit is what happens in a tenant of its own.
type Visit struct {
	*World
	// Ctx bounds the waiting.
	Ctx context.Context
	// Tenant is the namespace.
	Tenant string
	// Tab is the browser of the person who acts, and Address where all people of the visit are.
	Tab     *chromium.Tab
	Address string
	// Code is the status code of the page that the tab shows.
	Code int

	tabs    map[string]*chromium.Tab // by the name of the person; the first one has none
	taken   map[string]bool          // mails that were opened, by their Message-ID
	link    string                   // what the newest mail that was opened leads to
	cleanup []func()
}

// NewVisit makes a tenant with a program, and a tab of somebody who was never here before.
func (w *World) NewVisit(ctx context.Context, tenant string) (*Visit, error) {
	n := w.visits.Add(1)
	v := &Visit{World: w, Ctx: ctx, Tenant: tenant, Address: fmt.Sprintf("10.0.%d.%d", n/250, n%250+1), tabs: map[string]*chromium.Tab{}, taken: map[string]bool{}}
	if err := w.API.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}}); err != nil {
		return nil, err
	}
	if err := v.apply(brand, referral); err != nil {
		return nil, err
	}
	return v, as("")(v)
}

// Close ends a visit.
func (v *Visit) Close() {
	for _, undo := range v.cleanup {
		undo()
	}
	for _, tab := range v.tabs {
		tab.Close()
	}
}

// Do takes steps, one after the other.
func (v *Visit) Do(steps ...Step) error {
	for _, step := range steps {
		if err := step(v); err != nil {
			return err
		}
	}
	return nil
}

// Reach goes to a page, and makes sure that it is the one.
func (v *Visit) Reach(p Page) error {
	if err := v.Do(p.Walk...); err != nil {
		return err
	}
	return sees(p.Code, p.Shows)(v)
}

// url is the address of a page of the tenant.
func (v *Visit) url(path string) string { return v.Portal() + "/t/" + v.Tenant + "/" + path }
