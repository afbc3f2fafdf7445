package portal

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// reader knows the people of a directory, and takes its time with them, as an API server would: half a millisecond of work
// for each step that there is for somebody who is known, and none for others.
type reader struct {
	client.Client
	known map[string]v1alpha1.Partnership
}

func work() {
	for began := time.Now(); time.Since(began) < 500*time.Microsecond; {
	}
}

func (d reader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	if people, ok := list.(*v1alpha1.PartnershipList); ok && asked.FieldSelector != nil {
		for _, of := range asked.FieldSelector.Requirements() {
			if p, found := d.known[of.Value]; found {
				work()
				people.Items = []v1alpha1.Partnership{p}
			}
		}
		return nil
	}
	return d.Client.List(ctx, list, options...)
}

func (d reader) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if p, ok := o.(*v1alpha1.Partnership); ok {
		work()
		for _, known := range d.known {
			if known.Name == key.Name {
				known.DeepCopyInto(p)
			}
		}
		return nil
	}
	return d.Client.Get(ctx, key, o, options...)
}

func (d reader) Status() client.SubResourceWriter { return silentWriter{} }

type silentWriter struct{ client.SubResourceWriter }

func (silentWriter) Update(context.Context, client.Object, ...client.SubResourceUpdateOption) error {
	work()
	return nil
}

// Of 300 addresses that are known and 300 that are not, in random order, at a portal that listens on a socket, the times of
// the answers have the same ranks: nobody can tell from them who is a partner. A machine may be busy by chance just with the
// ones, so a difference has to be there three times.
func TestTimeDoesNotTellWhoIsKnown(t *testing.T) {
	w := newTenants(t)
	known := map[string]v1alpha1.Partnership{}
	for i := range 300 {
		email := fmt.Sprintf("person%d@known.example", i)
		p := partnershipFor(fmt.Sprintf("person%d", i), email)
		p.Status.State = v1alpha1.PartnershipActive
		known["acme/"+address.Normalize(email)], known[address.Normalize(email)] = *p, *p
	}
	s := w.replica(func(o *Options) {
		cluster := reader{o.Client, known}
		o.Client, o.Live = cluster, cluster
	})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	visitor := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(email string) time.Duration {
		began := time.Now()
		got, err := visitor.Post(server.URL+"/t/acme/login", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"email": {email}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		_, _ = io.Copy(io.Discard, got.Body)
		if err := got.Body.Close(); err != nil || got.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s is answered %d, %v", email, got.StatusCode, err)
		}
		return took
	}
	for try := range 3 {
		var times [2][]time.Duration
		var order []int
		for i := range 600 {
			order = append(order, i)
		}
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			email := fmt.Sprintf("person%d@known.example", i/2)
			if i%2 == 1 {
				email = fmt.Sprintf("person%d@other.example", i/2)
			}
			times[i%2] = append(times[i%2], ask(email))
			time.Sleep(time.Millisecond) // what the one leads to has its time to fall on the next
		}
		p := rankTest(times[0], times[1])
		t.Logf("try %d: medians %s known, %s unknown, p = %.3f", try+1, median(times[0]), median(times[1]), p)
		if p >= 0.01 {
			return
		}
	}
	t.Error("the time that an answer takes tells whether the address is known")
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// rankTest is the p-value of the test of Mann and Whitney, both ways, by the normal approximation.
func rankTest(a, b []time.Duration) float64 {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	rank := func(x time.Duration) float64 { // of equal ones the middle
		first, _ := slices.BinarySearch(all, x)
		last, _ := slices.BinarySearch(all, x+1)
		return float64(first+last+1) / 2
	}
	sum := 0.0
	for _, x := range a {
		sum += rank(x)
	}
	n, m := float64(len(a)), float64(len(b))
	z := (sum - n*(n+m+1)/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

func TestRankTest(t *testing.T) {
	var a, b, later []time.Duration
	for i := range 300 {
		a, b, later = append(a, time.Duration(i)), append(b, time.Duration(i)), append(later, time.Duration(i+40))
	}
	if p := rankTest(a, b); p < 0.99 {
		t.Errorf("of the same times p is %f", p)
	}
	if p := rankTest(a, later); p > 0.001 {
		t.Errorf("of later ones p is %f", p)
	}
}
