package tombstone

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/token"
)

// apiServer counts what is read and written, and can be away.
type apiServer struct {
	client.Client
	mutex         sync.Mutex
	reads, writes int
	away          bool
	// hangs keeps writes about this namespace until it is closed.
	hangs map[string]chan struct{}
}

func (a *apiServer) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	a.reads++
	return a.Client.Get(ctx, key, object, options...)
}

// write is what happens to a write before it is done.
func (a *apiServer) write(namespace string) error {
	a.mutex.Lock()
	a.writes++
	away, hangs := a.away, a.hangs[namespace]
	a.mutex.Unlock()
	if hangs != nil {
		<-hangs
	}
	if away {
		return errors.New("the API server is away")
	}
	return nil
}

func (a *apiServer) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if err := a.write(object.GetLabels()[NamespaceLabel]); err != nil {
		return err
	}
	return a.Client.Create(ctx, object, options...)
}

func (a *apiServer) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if err := a.write(""); err != nil {
		return err
	}
	return a.Client.Patch(ctx, object, patch, options...)
}

func programIn(namespace, uid string) *v1alpha1.Program {
	return &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "referral-" + uid, UID: types.UID(uid)}}
}

var one, other, elsewhere = programIn("acme", "11111111-a"), programIn("acme", "22222222-b"), programIn("globex", "33333333-c")

func startWriter(t *testing.T, objects ...client.Object) (*Writer, *apiServer) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(one.DeepCopy(), other.DeepCopy(), elsewhere.DeepCopy()).WithObjects(objects...).
		WithIndex(&corev1.ConfigMap{}, byProgram, programUID).
		WithIndex(&corev1.ConfigMap{}, "metadata.name", func(o client.Object) []string { return []string{o.GetName()} }).Build()
	keys, err := mint.Load(t.Context(), cluster, "system", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := &apiServer{Client: cluster}
	return &Writer{Store: &Store{Pages: cluster, Namespace: "system", Cache: cluster, Live: server, Keys: keys}, Client: server}, server
}

func (w *Writer) must(t *testing.T, p *v1alpha1.Program, address string, want bool) {
	t.Helper()
	if got, err := w.Has(t.Context(), p, address); err != nil || got != want {
		t.Errorf("%s in %s: %v, %v, want %v", address, p.UID, got, err, want)
	}
}

func (w *Writer) mustNote(t *testing.T, p *v1alpha1.Program, address string) {
	t.Helper()
	if err := w.Note(t.Context(), p, address); err != nil {
		t.Fatal(err)
	}
}

func (w *Writer) mustFlush(t *testing.T) {
	t.Helper()
	w.flush(t.Context()).Wait()
}

// foreign is a ConfigMap that somebody else made under the name of a page.
func foreign(p *v1alpha1.Program, number int) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: pageName(p, number)}, Data: map[string]string{"theirs": "x"}}
}

func TestAnAddressIsRememberedInItsProgramAlone(t *testing.T) {
	w, server := startWriter(t)
	w.must(t, one, "ada@example.com", false)
	w.mustNote(t, one, "ada@example.com")
	w.mustNote(t, one, "grace@example.com")
	w.mustFlush(t)
	w.must(t, one, "ADA@example.com", true)
	w.must(t, one, "grace@example.com", true)
	w.must(t, one, "joan@example.com", false)
	w.must(t, other, "ada@example.com", false)
	w.mustNote(t, one, "ada@example.com")
	w.mustFlush(t)
	if server.writes != 1 {
		t.Errorf("%d writes for two addresses, one of them twice", server.writes)
	}
	var pages corev1.ConfigMapList
	if err := server.List(t.Context(), &pages); err != nil || len(pages.Items) != 1 {
		t.Fatalf("%d pages, %v", len(pages.Items), err)
	}
	page := pages.Items[0]
	if text := fmt.Sprintf("%+v", page); strings.Contains(text, "example") || page.Namespace != "system" || page.Labels[NamespaceLabel] != "acme" || page.Annotations[ProgramAnnotation] != one.Name {
		t.Errorf("the page holds an address, is where tenants can write, or does not say whose it is: %s", text)
	}
}

// Marks that keys made which may be retired do not keep a partner who is there from being noted anew.
func TestThePresentAreNotedUnderTheNewestKey(t *testing.T) {
	w, server := startWriter(t)
	old := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "partner-tombstones-11111111-0", Labels: map[string]string{Label: string(one.UID)}}, Data: map[string]string{},
	}
	for _, address := range []string{"ada@example.com", "removed@example.com"} {
		old.Data[w.Keys.Current().Marks(string(one.UID), address)[0]] = ""
	}
	if err := server.Client.Create(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	w.must(t, one, "ada@example.com", true)
	w.must(t, one, "removed@example.com", true)
	w.mustNote(t, one, "ada@example.com")
	w.mustFlush(t)
	if err := server.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	w.must(t, one, "ada@example.com", true)
	w.must(t, one, "removed@example.com", false)

	var secret corev1.Secret
	if err := server.Client.Get(t.Context(), client.ObjectKey{Namespace: "system", Name: "partner-operator-marks"}, &secret); err != nil {
		t.Fatal(err)
	}
	secret.Data["99990101T000000Z"] = token.NewKey()
	if err := server.Update(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	keys, err := mint.Load(t.Context(), server.Client, "system", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.Keys = keys
	before := server.writes
	w.mustNote(t, one, "ada@example.com")
	w.mustFlush(t)
	if server.writes != before+1 {
		t.Errorf("%d writes for a new key", server.writes-before)
	}
}

func TestManyAreAFewWritesAndPages(t *testing.T) {
	w, server := startWriter(t)
	const many = 2*perPage + 10
	for n := range many {
		w.mustNote(t, one, fmt.Sprintf("p%d@example.com", n))
	}
	w.mustFlush(t)
	w.mustNote(t, one, "late@example.com")
	w.mustFlush(t)
	if server.writes != 4 {
		t.Errorf("%d writes", server.writes)
	}
	for n := 0; n < many; n += 999 {
		w.must(t, one, fmt.Sprintf("p%d@example.com", n), true)
	}
	w.must(t, one, "late@example.com", true)
	if server.reads > 0 {
		t.Errorf("%d reads of pages that the cache has", server.reads)
	}
}

func TestWhatCannotBeWrittenStaysNoted(t *testing.T) {
	w, server := startWriter(t)
	told := 0
	w.OnProblem(func(p client.ObjectKey) {
		if told++; p != client.ObjectKeyFromObject(one) {
			t.Errorf("%s is told of", p)
		}
	})
	w.mustNote(t, one, "ada@example.com")
	server.away = true
	w.mustFlush(t)
	if problem := w.Problem(one); problem.Reason != "" {
		t.Errorf("after one failure: %+v", problem)
	}
	for range 3 * mostTurns {
		w.mustNote(t, one, "grace@example.com")
		w.mustFlush(t)
	}
	if server.writes > 10 {
		t.Errorf("%d tries in %d turns", server.writes, 3*mostTurns+1)
	}
	if problem := w.Problem(one); problem.Reason != v1alpha1.ReasonWriteFailed || told != 1 {
		t.Errorf("after many failures: %+v, told of %d times", problem, told)
	}
	server.away = false
	for range mostTurns {
		w.mustFlush(t)
	}
	w.must(t, one, "ada@example.com", true)
	w.must(t, one, "grace@example.com", true)
	if problem := w.Problem(one); problem.Reason != "" || told != 2 {
		t.Errorf("once it is written: %+v, told of %d times", problem, told)
	}
}

// A write that hangs is its tenant's alone.
func TestNamespacesDoNotWaitForEachOther(t *testing.T) {
	w, server := startWriter(t)
	hangs := make(chan struct{})
	server.hangs = map[string]chan struct{}{"acme": hangs}
	w.mustNote(t, one, "ada@example.com")
	stuck := w.flush(t.Context())
	w.mustNote(t, elsewhere, "grace@example.com")
	w.mustFlush(t)
	w.must(t, elsewhere, "grace@example.com", true)
	w.must(t, one, "ada@example.com", false)
	close(hangs)
	stuck.Wait()
	w.must(t, one, "ada@example.com", true)
}

func TestNamesThatAreTaken(t *testing.T) {
	for name, test := range map[string]struct {
		taken  int
		reason string
	}{
		"the first":          {1, ""},
		"all but the last":   {mostForeign - 1, ""},
		"all that are tried": {mostForeign, v1alpha1.ReasonNameTaken},
	} {
		t.Run(name, func(t *testing.T) {
			var theirs []client.Object
			for number := range test.taken {
				theirs = append(theirs, foreign(one, number))
			}
			w, server := startWriter(t, theirs...)
			w.mustNote(t, one, "ada@example.com")
			w.mustFlush(t)
			w.must(t, one, "ada@example.com", test.reason == "")
			if problem := w.Problem(one); problem.Reason != test.reason || test.reason != "" && !strings.Contains(problem.Message, "delete them") {
				t.Errorf("the problem is %+v", problem)
			}
			for _, each := range theirs {
				var now corev1.ConfigMap
				if err := server.Client.Get(t.Context(), client.ObjectKeyFromObject(each), &now); err != nil || len(now.Data) != 1 {
					t.Errorf("what is somebody else's is now %v, %v", now.Data, err)
				}
			}
		})
	}
}

// A page that the cache has yet to see is filled, and none is begun beside it.
func TestAPageThatTheCacheDoesNotKnow(t *testing.T) {
	w, server := startWriter(t)
	cache := w.Pages
	w.mustNote(t, one, "ada@example.com")
	w.mustFlush(t)
	w.Pages = fake.NewClientBuilder().WithIndex(&corev1.ConfigMap{}, byProgram, programUID).Build() // it knows nothing
	w.mustNote(t, one, "grace@example.com")
	w.mustFlush(t)
	w.Pages = cache
	w.must(t, one, "ada@example.com", true)
	w.must(t, one, "grace@example.com", true)
	var pages corev1.ConfigMapList
	if err := server.List(t.Context(), &pages); err != nil || len(pages.Items) != 1 {
		t.Errorf("%d pages, %v", len(pages.Items), err)
	}
}

// A tenant can fill its own share and no more.
func TestMostPages(t *testing.T) {
	var full []client.Object
	for number := range mostPages {
		page := foreign(other, number)
		page.Labels = map[string]string{Label: string(other.UID), NamespaceLabel: "acme"}
		full = append(full, page)
	}
	w, _ := startWriter(t, full...)
	w.mustNote(t, one, "ada@example.com")
	w.mustNote(t, elsewhere, "grace@example.com")
	w.mustFlush(t)
	w.must(t, one, "ada@example.com", false)
	w.must(t, elsewhere, "grace@example.com", true)
	if problem := w.Problem(one); problem.Reason != v1alpha1.ReasonTooMany || !strings.Contains(problem.Message, "1000000") {
		t.Errorf("the problem is %+v", problem)
	}
}

func TestAProgramThatIsGoneNeedsNoTombstones(t *testing.T) {
	w, server := startWriter(t)
	for _, p := range []*v1alpha1.Program{one, other, elsewhere} {
		w.mustNote(t, p, "ada@example.com")
	}
	w.mustFlush(t)
	w.mustNote(t, one, "grace@example.com")
	if err := server.Delete(t.Context(), one.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	writes := server.writes
	w.mustFlush(t)
	w.Namespaces = []string{"globex"}
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.must(t, one, "ada@example.com", true)
	w.Namespaces = nil
	if server.writes != writes || len(w.backlogs) > 0 {
		t.Errorf("%d writes for a program that is gone, and %v is left to do", server.writes-writes, w.backlogs)
	}
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.must(t, one, "ada@example.com", false)
	w.must(t, other, "ada@example.com", true)
	w.must(t, elsewhere, "ada@example.com", true)
}

// What only the cache does not know of is not gone.
func TestASweepAsksTheAPIServer(t *testing.T) {
	w, _ := startWriter(t)
	w.mustNote(t, one, "ada@example.com")
	w.mustFlush(t)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w.Cache = fake.NewClientBuilder().WithScheme(scheme).Build()
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.must(t, one, "ada@example.com", true)
}

func TestLost(t *testing.T) {
	page := func(marks ...string) client.Object {
		made := &corev1.ConfigMap{Data: map[string]string{}}
		for _, mark := range marks {
			made.Data[mark] = ""
		}
		return made
	}
	for name, test := range map[string]struct {
		before, after client.Object
		want          bool
	}{
		"nothing happens":    {page("a", "b"), page("a", "b"), false},
		"one comes":          {page("a"), page("a", "b"), false},
		"one goes":           {page("a", "b"), page("a"), true},
		"one for another":    {page("a", "b"), page("a", "c"), true},
		"all go":             {page("a"), page(), true},
		"the page goes":      {page("a"), nil, true},
		"an empty page goes": {page(), nil, false},
	} {
		if got := Lost(test.before, test.after); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whoever leaves by themselves is not kept out; who is removed afterwards, after coming back, is.
func TestWhoLeftIsReleased(t *testing.T) {
	w, server := startWriter(t)
	member := func(want bool) {
		t.Helper()
		if got, err := w.HadMember(t.Context(), one, "Ada@example.com"); err != nil || got != want {
			t.Errorf("a member: %v, %v, want %v", got, err, want)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w.mustFlush(t)
	}
	do(w.ReleaseMember(t.Context(), one, "ada@example.com"))
	if server.writes != 0 {
		t.Error("somebody who was never there is noted")
	}
	do(w.NoteMember(t.Context(), one, "ada@example.com"))
	member(true)
	w.must(t, one, "ada@example.com", false)
	do(w.ReleaseMember(t.Context(), one, "ada@example.com"))
	member(false)
	do(w.NoteMember(t.Context(), one, "ada@example.com"))
	member(true)
	if err := w.NoteMember(t.Context(), one, "grace@example.com"); err != nil {
		t.Fatal(err)
	}
	do(w.ReleaseMember(t.Context(), one, "grace@example.com"))
	if was, err := w.HadMember(t.Context(), one, "grace@example.com"); err != nil || was {
		t.Errorf("who left before that was written: %v, %v", was, err)
	}
	do(w.Note(t.Context(), one, "ada@example.com"))
	w.must(t, one, "ada@example.com", true)
	member(true)
	writes := server.writes
	do(w.NoteMember(t.Context(), one, "ada@example.com"))
	do(w.ReleaseMember(t.Context(), one, "grace@example.com"))
	if server.writes != writes {
		t.Error("the same is written again")
	}
	if erased, err := Erase(t.Context(), server, "system", w.Keys, one, "ada@example.com"); err != nil || erased != 2 {
		t.Errorf("%d marks are erased, %v", erased, err)
	}
	member(false)
}
