package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/link"
)

// methods are those that HTTP knows.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace,
}

// guarded checks what every answer has to carry.
func guarded(t *testing.T, what string, got *httptest.ResponseRecorder) {
	t.Helper()
	h := got.Header()
	if h.Get("Strict-Transport-Security") != "max-age=31536000" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s is answered %d with the header %v", what, got.Code, h)
	}
	if policy := h.Get("Content-Security-Policy"); got.Body.Len() > 0 && (!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'")) {
		t.Errorf("%s is answered %d, with a body, and the policy %q", what, got.Code, policy)
	}
}

// methodsByPath are the methods of each path that has a route, with the tokens filled in.
func methodsByPath(tokens map[string]string) map[string][]string {
	var all patterns
	(&Server{}).addRoutes(&all)
	paths := map[string][]string{}
	for _, pattern := range all {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{ns}", "acme", "{group}", "gold", "{link}", "ada-summer", "{team}", "crew", "{file}", "icon-123456.svg", "{$}", "").Replace(path)
		if before, after, opens := strings.Cut(path, "{token}"); opens {
			path = before + tokens[strings.TrimPrefix(before, "/t/acme/")] + after
		}
		paths[path] = append(paths[path], method)
		if method == http.MethodGet {
			paths[path] = append(paths[path], http.MethodHead)
		}
	}
	return paths
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	o, tokens := withEveryLink(t)
	var codes []int
	ask := func(method, path string, form url.Values) {
		t.Helper()
		got := o.raw(method, path, form)
		guarded(t, method+" "+path, got)
		codes = append(codes, got.Code)
	}
	for path := range methodsByPath(tokens) {
		for _, method := range methods {
			ask(method, path, nil)
			ask(method, path, url.Values{"email": {"eve@example.com"}})
			ask(method, path+"/more", nil)
		}
	}
	for _, path := range []string{
		"/", "/r", "/r/", "/r/acme", "/r/acme/", "/r//ada-summer", "/r/acme/./ada-summer", "/r/../r/acme/ada-summer", "/r/acme//ada-summer",
		"/r/acme/ada-summer/", "/r/acme/a%2Fb", "/r/%2e%2e/x", "/r/acme/unknown", "/t/acme", "/t//acme/login", "/t/acme/../acme/login", "/t/unknown/login", "/assets/unknown",
	} {
		for _, method := range methods {
			ask(method, path, nil)
		}
	}
	ask(http.MethodPost, "/t/acme/login", url.Values{"email": {strings.Repeat("a", maxBody)}})
	for range failuresPerMinute + 1 {
		ask(http.MethodGet, "/t/acme/invite/guess", nil)
	}

	st := newSite(t, nil)
	for _, path := range []string{"/r/acme/ada-summer", "/r/acme/unknown"} {
		for _, method := range methods {
			got := st.ask(method, path, false)
			guarded(t, method+" "+path, got)
			codes = append(codes, got.Code)
		}
	}
	for _, code := range []int{200, 302, 303, 307, 400, 404, 405, 422, 429} {
		if !slices.Contains(codes, code) {
			t.Errorf("nothing was answered %d", code)
		}
	}
}

// A form from another site, a handler that fails, an API server that is away, and a question about the server itself.
func TestAnswersOutOfTurnAreGuarded(t *testing.T) {
	o := opened(t, "")
	r := httptest.NewRequest(http.MethodPost, o.path+"/accept", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	ask := func(r *http.Request, want int) {
		t.Helper()
		w := httptest.NewRecorder()
		o.Handler().ServeHTTP(w, r)
		guarded(t, r.Method+" "+r.RequestURI, w)
		if w.Code != want {
			t.Errorf("%s %s is answered %d, want %d", r.Method, r.RequestURI, w.Code, want)
		}
	}
	ask(r, http.StatusForbidden)
	ask(httptest.NewRequest(http.MethodOptions, "*", nil), http.StatusBadRequest)

	healthy := o.Client
	o.Client, o.Cache = away{healthy}, away{healthy}
	for _, path := range []string{o.path, "/r/acme/ada-summer"} {
		ask(httptest.NewRequest(http.MethodGet, path, nil), http.StatusServiceUnavailable)
	}
	o.Client, o.Cache = nil, nil
	for _, path := range []string{o.path, "/r/acme/ada-summer"} {
		ask(httptest.NewRequest(http.MethodGet, path, nil), http.StatusInternalServerError)
	}
}

func TestSubdomainsAreNamedOnlyIfAsked(t *testing.T) {
	for _, test := range []struct {
		base string
		all  bool
		want string
	}{
		{"https://partners.example.com", false, "max-age=31536000"},
		{"https://partners.example.com", true, "max-age=31536000; includeSubDomains"},
		{"http://partners.example.com", true, ""},
	} {
		t.Run(fmt.Sprintf("%s, %v", test.base, test.all), func(t *testing.T) {
			base, err := link.ParseBase(test.base)
			if err != nil {
				t.Fatal(err)
			}
			o := opened(t, "")
			options := o.Options
			options.Base, options.IncludeSubdomains = base, test.all
			o.Server = New(options)
			for _, path := range []string{o.path, "/r/acme/ada-summer"} {
				if got := o.raw(http.MethodGet, path, nil).Header().Get("Strict-Transport-Security"); got != test.want {
					t.Errorf("%s says %q, want %q", path, got, test.want)
				}
			}
		})
	}
}

// A path that exists answers other methods with those that it has; one that does not exist answers all alike.
func TestOtherMethodsAreNotAllowed(t *testing.T) {
	o, tokens := withEveryLink(t)
	paths := methodsByPath(tokens)
	if len(paths) < 20 {
		t.Fatalf("there are only %v", paths)
	}
	for path, has := range paths {
		slices.Sort(has)
		for _, method := range methods {
			if slices.Contains(has, method) {
				continue
			}
			got := o.raw(method, path, nil)
			if allow := strings.Split(got.Header().Get("Allow"), ", "); got.Code != http.StatusMethodNotAllowed || !slices.Equal(allow, has) {
				t.Errorf("%s %s is answered %d and allows %q, want %q", method, path, got.Code, allow, has)
			}
		}
	}
	for _, path := range []string{"/", "/unknown", "/t/acme/unknown", "/t/acme/invite/", "/r/acme", "/login"} {
		for _, method := range methods {
			if got := o.raw(method, path, nil); got.Code != http.StatusNotFound || got.Header().Get("Allow") != "" {
				t.Errorf("%s %s is answered %d, %v", method, path, got.Code, got.Header())
			}
		}
	}
}

var errAway = errors.New("the API server is away")

// away is an API server that does not answer.
type away struct{ client.Client }

func (away) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errAway
}

func (away) List(context.Context, client.ObjectList, ...client.ListOption) error { return errAway }
