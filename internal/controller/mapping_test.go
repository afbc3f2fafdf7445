package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// readErrors is how many failed reads are counted for something.
func readErrors(t *testing.T, what string) float64 {
	t.Helper()
	families, err := crmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "partner_operator_read_errors_total" && m.GetLabel()[0].GetValue() == what {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("failed reads for %s are not counted", what)
	return 0
}

// world runs all controllers on a cache that says what a test wants. Nothing is reconciled: which objects would be is noted.
type world struct {
	informertest.FakeInformers

	mutex      sync.Mutex
	informers  map[string]*informer // by kind
	lists      int                  // how often objects were listed
	fails      int                  // which of these fails; 0: none
	reconciled map[string]bool
	logged     []string
}

// informer is one whose handlers can be added by several controllers at once.
type informer struct {
	*controllertest.FakeInformer

	mutex sync.Mutex
}

func (i *informer) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.FakeInformer.AddEventHandler(h)
}

func (i *informer) AddEventHandlerWithOptions(h toolscache.ResourceEventHandler, o toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.FakeInformer.AddEventHandlerWithOptions(h, o)
}

// GetInformer returns the informer of a kind.
func (w *world) GetInformer(_ context.Context, object client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	gvk, err := apiutil.GVKForObject(object, w.Scheme)
	if err != nil {
		return nil, err
	}
	return w.of(gvk.Kind), nil
}

func (w *world) of(kind string) *informer {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.informers[kind] == nil {
		w.informers[kind] = &informer{FakeInformer: controllertest.NewFakeInformer(controllertest.Synced)}
	}
	return w.informers[kind]
}

// listening is the world whose log is kept.
var listening atomic.Pointer[world]

var errList = errors.New("the cache does not answer")

// functions let one list fail, and note what is about to be reconciled instead of showing it.
func (w *world) functions() interceptor.Funcs {
	return interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			w.mutex.Lock()
			w.lists++
			fails := w.lists == w.fails
			w.mutex.Unlock()
			if fails {
				return errList
			}
			return c.List(ctx, list, o...)
		},
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
			gvk, err := apiutil.GVKForObject(object, w.Scheme)
			if err != nil {
				return err
			}
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.reconciled[gvk.Kind+" "+key.Name] = true
			return apierrors.NewNotFound(schema.GroupResource{Resource: gvk.Kind}, key.Name)
		},
	}
}

// happens lets an event happen while one list fails, and tells what is reconciled, and how often objects were listed at first.
func (w *world) happens(fails int, what func(w *world)) (reconciled []string, lists int) {
	w.mutex.Lock()
	w.lists, w.fails, w.reconciled, w.logged = 0, fails, map[string]bool{}, nil
	w.mutex.Unlock()
	what(w)
	w.mutex.Lock()
	lists = w.lists
	w.mutex.Unlock()
	time.Sleep(time.Minute)
	synctest.Wait()
	return slices.Sorted(maps.Keys(w.reconciled)), lists
}

// inhabited is a namespace in which each kind matters to each other.
func inhabited() []client.Object {
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), Generation: 1}
	}
	in := v1alpha1.ProgramReference{Name: "referral"}
	team := &v1alpha1.TeamReference{Name: "agency"}
	contact := v1alpha1.Contact{Email: "ada@example.com"}
	unsent := v1alpha1.PartnershipStatus{Group: "gold", Mails: []v1alpha1.MailDelivery{{Kind: v1alpha1.MailRevoked, Serial: 1, State: v1alpha1.DeliveryPending}}}
	sharing := func(name, partnership, follows string) client.Object {
		return &v1alpha1.PartnerLink{
			ObjectMeta: named(name), Spec: v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: partnership}},
			Status: v1alpha1.PartnerLinkStatus{Program: follows},
		}
	}
	return []client.Object{
		&v1alpha1.Program{ObjectMeta: named("referral")},
		&v1alpha1.Program{ObjectMeta: named("reseller")},
		&v1alpha1.PartnerGroup{ObjectMeta: named("gold"), Spec: v1alpha1.PartnerGroupSpec{ProgramRef: in}},
		&v1alpha1.PartnerTeam{ObjectMeta: named("agency"), Status: v1alpha1.PartnerTeamStatus{Mails: []v1alpha1.MailDelivery{{Kind: v1alpha1.MailTeammateInvite}}}},
		&v1alpha1.PartnerInvite{ObjectMeta: named("ada"), Spec: v1alpha1.PartnerInviteSpec{Contact: contact}},
		&v1alpha1.PartnerInvite{ObjectMeta: named("agency"), Spec: v1alpha1.PartnerInviteSpec{TeamRef: team, Programs: grants("referral")}},
		&v1alpha1.Partnership{ObjectMeta: named("ada"), Spec: v1alpha1.PartnershipSpec{ProgramRef: in, Contact: &contact}, Status: unsent},
		&v1alpha1.Partnership{ObjectMeta: named("ada-rival"), Spec: v1alpha1.PartnershipSpec{ProgramRef: in, Contact: &contact}},
		&v1alpha1.Partnership{ObjectMeta: named("agency"), Spec: v1alpha1.PartnershipSpec{ProgramRef: in, TeamRef: team}, Status: unsent},
		&v1alpha1.Partnership{ObjectMeta: named("joining"), Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "other"}, Contact: &v1alpha1.Contact{Email: "bob@example.com"},
			Approval: &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved, JoinTeamRef: team},
		}},
		sharing("ada", "ada", ""), sharing("agency", "agency", ""), sharing("left", "gone", "referral"),
	}
}

// One list fails while an event is handled, whichever it is: what the event matters to is reconciled all the same.
func TestALookUpThatFailsIsRepeated(t *testing.T) {
	log.SetLogger(funcr.New(func(prefix, args string) {
		if w := listening.Load(); w != nil {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.logged = append(w.logged, prefix+args)
		}
	}, funcr.Options{}))
	there := map[string]client.Object{}
	for _, o := range inhabited() {
		there[fmt.Sprintf("%T %s", o, o.GetName())] = o
	}
	// gone lets an object go, which nobody fails to heed and each looks up once.
	gone := func(kind, name string) func(*world) {
		return func(w *world) { w.of(kind).Delete(there["*v1alpha1."+kind+" "+name]) }
	}
	brands := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: brand.ConfigMapName}}
	const programs = "Program referral, Program reseller"
	const waitingInvites = "PartnerInvite ada, PartnerInvite agency"
	const partners = "Partnership ada, Partnership ada-rival, Partnership agency"
	const links = "PartnerLink ada, PartnerLink agency, PartnerLink left"
	for name, test := range map[string]struct {
		happens func(*world)
		want    string
	}{
		"a program":                    {gone("Program", "referral"), strings.Join([]string{"Program referral, PartnerGroup gold", waitingInvites, partners, links}, ", ")},
		"a group":                      {gone("PartnerGroup", "gold"), strings.Join([]string{"Program referral, PartnerGroup gold", waitingInvites, partners, links}, ", ")},
		"a team":                       {gone("PartnerTeam", "agency"), "PartnerTeam agency, PartnerInvite agency, Partnership agency, Partnership joining, PartnerLink agency"},
		"a partnership":                {gone("Partnership", "ada"), "Program referral, PartnerGroup gold, PartnerInvite ada, Partnership ada, Partnership ada-rival, PartnerLink ada"},
		"a partnership of a team":      {gone("Partnership", "agency"), "Program referral, PartnerGroup gold, PartnerInvite agency, Partnership agency, PartnerLink agency"},
		"an invite into every program": {gone("PartnerInvite", "ada"), "PartnerInvite ada, " + programs},
		"a brand": {func(w *world) { w.of("ConfigMap").Delete(brands) }, strings.Join([]string{
			programs, "PartnerGroup gold, PartnerTeam agency", waitingInvites, "Partnership ada, Partnership agency", links,
		}, ", ")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				want := strings.Split(test.want, ", ")
				slices.Sort(want)
				got, lists := w.happens(0, test.happens)
				if diff := cmp.Diff(want, got); diff != "" || lists == 0 {
					t.Fatalf("%d lists; what is reconciled (+) and should be (-) differ:\n%s", lists, diff)
				}
				for n := 1; n <= lists; n++ {
					before := readErrors(t, metrics.ReadForEvent)
					got, _ := w.happens(n, test.happens)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("while list %d of %d fails, what is reconciled (+) and should be (-) differ:\n%s", n, lists, diff)
					}
					if counted := readErrors(t, metrics.ReadForEvent) - before; counted != 1 || len(w.logged) != 1 {
						t.Errorf("while list %d of %d fails, %v failed reads are counted, and these lines logged: %q", n, lists, counted, w.logged)
					}
				}
			})
		})
	}
}

// newWorld starts all controllers.
func newWorld(t *testing.T) *world {
	t.Helper()
	c := fakeCache(t)
	w := &world{informers: map[string]*informer{}, reconciled: map[string]bool{}}
	fakes := c.WithObjects(inhabited()...).WithInterceptorFuncs(w.functions()).Build()
	w.Scheme = fakes.Scheme()
	listening.Store(w)
	mgr, err := ctrl.NewManager(&rest.Config{}, ctrl.Options{
		Scheme: w.Scheme, Logger: logr.Discard(), Metrics: metricsserver.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller:     config.Controller{SkipNameValidation: new(true)},
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return fakes.RESTMapper(), nil },
		NewCache:       func(*rest.Config, cache.Options) (cache.Cache, error) { return w, nil },
		NewClient:      func(*rest.Config, client.Options) (client.Client, error) { return fakes, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Open(t.Context(), fakes, "partner-operator-system")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Keys: keys, Tombstones: &tombstone.Store{Keys: keys, Pages: w, Cache: w, Live: fakes}, Pages: w, Book: &brandbook.Book{}, Concurrency: 1, Now: time.Now}
	if _, err := Setup(mgr, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	time.Sleep(time.Minute)
	synctest.Wait()
	return w
}

// The programs to tell of a mail server cannot be listed at first.
func TestNewsOfAMailServerAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := &world{fails: 1}
		program := programOf("referral", nil)
		program.Namespace = "acme"
		b := base{Client: fakeCache(t).WithObjects(&program).WithInterceptorFuncs(w.functions()).Build(), retries: newRetries(), now: time.Now}
		go func() { _ = b.retries.Start(ctx) }()
		heard := make(chan event.GenericEvent, 1)
		news := &mailNews{Reader: b.Client, retries: b.retries, listeners: []listener{{events: heard}}}
		news.tell(ctx, "acme")
		select {
		case told := <-heard:
			if name := told.Object.GetName(); name != "referral" {
				t.Errorf("%q is told", name)
			}
		case <-time.After(time.Minute):
			t.Error("nobody is told")
		}
	})
}

// Nobody finds what a change matters to in another way, which would have to tell on its own of what fails.
func TestEveryLookUpIsRepeated(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name == "mapping.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`EnqueueRequestsFromMapFunc\((.*?)\)`).FindAllStringSubmatch(string(text), -1) {
			if found[1] != "inviting" { // it looks nothing up
				t.Errorf("%s: enqueue(...) instead of %s", name, found[0])
			}
		}
	}
}
