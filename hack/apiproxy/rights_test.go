package apiproxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func TestRightOf(t *testing.T) {
	const ours = "/apis/partner-operator.io/v1alpha1/"
	for request, want := range map[string]string{
		"GET " + ours + "namespaces/acme/partnerinvites/ada":                             `get partnerinvites.partner-operator.io "ada" in acme`,
		"GET " + ours + "partnerinvites":                                                 "list partnerinvites.partner-operator.io in the whole cluster",
		"GET " + ours + "namespaces/acme/partnerinvites?limit=500":                       "list partnerinvites.partner-operator.io in acme",
		"GET " + ours + "programs?watch=true&sendInitialEvents=true":                     "watch programs.partner-operator.io in the whole cluster",
		"POST " + ours + "namespaces/acme/partnerlinks":                                  "create partnerlinks.partner-operator.io in acme",
		"PUT " + ours + "namespaces/acme/partnerinvites/ada/status":                      `update partnerinvites/status.partner-operator.io "ada" in acme`,
		"PATCH /api/v1/namespaces/acme/configmaps/marks":                                 `patch configmaps "marks" in acme`,
		"DELETE " + ours + "namespaces/acme/partnerlinks/summer":                         `delete partnerlinks.partner-operator.io "summer" in acme`,
		"DELETE " + ours + "namespaces/acme/partnerlinks":                                "deletecollection partnerlinks.partner-operator.io in acme",
		"POST /apis/authentication.k8s.io/v1/tokenreviews":                               "create tokenreviews.authentication.k8s.io in the whole cluster",
		"POST /api/v1/namespaces":                                                        "create namespaces in the whole cluster",
		"GET /api/v1/namespaces/acme":                                                    `get namespaces "acme" in the whole cluster`,
		"GET /api/v1/namespaces/s/secrets?fieldSelector=metadata.name%3Dkeys&watch=true": `watch secrets "keys" in s`,
		"GET /api/v1/namespaces/s/secrets?fieldSelector=metadata.name%3Dkeys":            `list secrets "keys" in s`,
		"GET /api/v1/configmaps?fieldSelector=metadata.name%21%3Dkube-root-ca.crt":       "list configmaps in the whole cluster",
		"GET /version": "", "GET /apis": "", "GET /apis/partner-operator.io/v1alpha1": "", "GET /api/v1": "",
	} {
		method, address, _ := strings.Cut(request, " ")
		right, ok := rightOf(httptest.NewRequest(method, address, nil))
		if ok != (want != "") || ok && right.String() != want {
			t.Errorf("%s: %v, want %s", request, right, want)
		}
	}
}

func TestRightsAreNoted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := map[string]int{"/api/v1/secrets": 403, "/api/v1/namespaces/going/events": 403, "/api/v1/pods": 401, "/api/v1/nodes": 404}[r.URL.Path]; code != 0 {
			w.WriteHeader(code)
		}
		if strings.Contains(r.URL.Path, "/going/") {
			_, _ = io.WriteString(w, "unable to create new content in namespace going because it is being terminated")
		}
	}))
	t.Cleanup(server.Close)
	proxy, err := Start(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	config, err := clientcmd.BuildConfigFromFlags("", proxy.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/secrets", "/api/v1/pods", "/api/v1/nodes", "/api/v1/configmaps", "/api/v1/configmaps", "/version", "/api/v1/namespaces/going/events"} {
		response, err := http.Get(config.Host + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if strings.Contains(path, "/going/") && len(body) == 0 {
			t.Error("the answer was lost")
		}
	}
	texts := func(rights []Right) (found []string) {
		for _, right := range rights {
			found = append(found, right.String())
		}
		slices.Sort(found)
		return found
	}
	if diff := cmp.Diff([]string{"list configmaps in the whole cluster", "list events in going", "list nodes in the whole cluster"}, texts(proxy.Used())); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"list pods in the whole cluster", "list secrets in the whole cluster"}, texts(proxy.Denied())); diff != "" {
		t.Errorf("denied (-want +got):\n%s", diff)
	}
}
