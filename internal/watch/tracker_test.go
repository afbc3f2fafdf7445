package watch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

const (
	invitesPath = "/apis/partner-operator.io/v1alpha1/partnerinvites"
	teamsPath   = "/k8s/clusters/c-1/apis/partner-operator.io/v1alpha1/namespaces/acme/partnerteams"
)

// apiServer opens each watch until it is told to end it, unless it is away.
type apiServer struct {
	*httptest.Server
	client *http.Client
	away   bool
	ends   map[string]context.CancelFunc // by path
}

func (a *apiServer) watch(t *testing.T, path, query string) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+path+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	a.ends[path] = func() {
		end()
		_, _ = response.Body.Read(make([]byte, 1))
		_ = response.Body.Close()
	}
}

func TestHeardUntil(t *testing.T) {
	const query = "?allowWatchBookmarks=true&watch=true"
	start := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	type step struct {
		does func(t *testing.T, a *apiServer)
		at   int // seconds
	}
	begins := func(path string) func(*testing.T, *apiServer) {
		return func(t *testing.T, a *apiServer) { t.Helper(); a.away = false; a.watch(t, path, query) }
	}
	fails := func(path string) func(*testing.T, *apiServer) {
		return func(t *testing.T, a *apiServer) { t.Helper(); a.away = true; a.watch(t, path, query) }
	}
	ends := func(path string) func(*testing.T, *apiServer) {
		return func(_ *testing.T, a *apiServer) { a.ends[path]() }
	}
	lists := func(t *testing.T, a *apiServer) { t.Helper(); a.watch(t, invitesPath, "?limit=500") }
	for name, test := range map[string]struct {
		steps []step
		at    int
		want  int
	}{
		"nothing was watched yet":                {nil, 60, 55},
		"a watch is open":                        {[]step{{begins(invitesPath), 0}}, 60, 55},
		"a watch has ended":                      {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}}, 60, 15},
		"it does not begin anew":                 {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {fails(invitesPath), 21}}, 60, 15},
		"another one is open":                    {[]step{{begins(invitesPath), 0}, {begins(teamsPath), 0}, {ends(invitesPath), 20}}, 60, 15},
		"two have ended":                         {[]step{{begins(invitesPath), 0}, {begins(teamsPath), 0}, {ends(teamsPath), 10}, {ends(invitesPath), 20}}, 60, 5},
		"it is read once":                        {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {lists, 21}}, 60, 15},
		"it has just begun anew":                 {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {begins(invitesPath), 57}}, 60, 15},
		"it began anew a while ago":              {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {begins(invitesPath), 30}}, 60, 55},
		"it was away for long, and has to read":  {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {begins(invitesPath), 50}}, 60, 15},
		"it ends as soon as it has begun":        {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {begins(invitesPath), 57}, {ends(invitesPath), 58}}, 60, 15},
		"it ends a while after it began anew":    {[]step{{begins(invitesPath), 0}, {ends(invitesPath), 20}, {begins(invitesPath), 30}, {ends(invitesPath), 58}}, 60, 53},
		"a second one is open when it has ended": {[]step{{begins(invitesPath), 0}, {begins(invitesPath), 10}, {ends(invitesPath), 20}}, 60, 55},
	} {
		t.Run(name, func(t *testing.T) {
			now := start
			a := &apiServer{ends: map[string]context.CancelFunc{}}
			a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if a.away {
					w.WriteHeader(http.StatusInternalServerError)
				}
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			t.Cleanup(a.CloseClientConnections)
			config := &rest.Config{Host: a.URL}
			watches := Follow(config, func() time.Time { return now })
			var err error
			if a.client, err = rest.HTTPClientFor(config); err != nil {
				t.Fatal(err)
			}
			for _, s := range test.steps {
				now = start.Add(time.Duration(s.at) * time.Second)
				s.does(t, a)
			}
			now = start.Add(time.Duration(test.at) * time.Second)
			if got := watches.HeardUntil().Sub(start); got != time.Duration(test.want)*time.Second {
				t.Errorf("heard until %s, want %ds", got, test.want)
			}
		})
	}
}

func TestBrokenFor(t *testing.T) {
	now := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	w := Follow(&rest.Config{}, func() time.Time { return now })
	const acme, globex = "/apis/partner-operator.io/v1alpha1/namespaces/acme/partnerships", "/apis/partner-operator.io/v1alpha1/namespaces/globex/partnerships"
	pass := func(d time.Duration) { now = now.Add(d) }
	expect := func(when string, want time.Duration) {
		t.Helper()
		if got := w.BrokenFor()["Partnership"]; got != want {
			t.Errorf("%s: broken for %s, want %s", when, got, want)
		}
	}
	pass(10 * time.Second)
	expect("never opened", 10*time.Second)
	w.begin(acme)
	w.begin(globex)
	pass(time.Hour)
	expect("both are open", 0)
	w.end(globex)
	pass(20 * time.Second)
	expect("one has ended", 20*time.Second)
	for range 3 { // what it answers cannot be read
		w.begin(globex)
		pass(100 * time.Millisecond)
		w.end(globex)
		pass(5 * time.Second)
	}
	expect("it ends as soon as it has begun", 35300*time.Millisecond)
	if !w.IsBroken() {
		t.Error("access is still judged by the cache")
	}
	w.begin(globex)
	expect("it has begun a moment ago", 35300*time.Millisecond)
	pass(time.Second)
	expect("it is open", 0)
	for resource := range Kinds {
		w.begin("/apis/partner-operator.io/v1alpha1/" + resource)
	}
	if w.IsBroken() {
		t.Error("all watches are open, and one is broken")
	}
}
