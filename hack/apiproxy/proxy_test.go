package apiproxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const statusOfAda = "/apis/partner-operator.io/v1alpha1/namespaces/acme/partnerinvites/ada/status"

// backend counts what an API server hears, and says it back.
type backend struct {
	heard atomic.Int32
	proxy *Proxy
	url   string
}

func start(t *testing.T) *backend {
	t.Helper()
	b := &backend{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.heard.Add(1)
		if r.Header.Get("Conflict") != "" {
			w.WriteHeader(http.StatusConflict)
		}
		w.Header().Set("Heard", "yes")
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(server.Close)
	var err error
	if b.proxy, err = Start(&rest.Config{Host: server.URL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.proxy.Close() })
	config, err := clientcmd.BuildConfigFromFlags("", b.proxy.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	b.url = config.Host
	return b
}

// put writes a status through the proxy.
func (b *backend) put(ctx context.Context, header ...string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, b.url+statusOfAda, strings.NewReader("hello"))
	if err != nil {
		return "", err
	}
	for _, name := range header {
		request.Header.Set(name, "yes")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return response.Header.Get("Heard") + " " + string(body), errors.Join(err, response.Body.Close())
}

func (b *backend) breakAll(fault Fault) { b.proxy.Break(func(*http.Request) Fault { return fault }) }

func TestFaultsAtOnce(t *testing.T) {
	for fault, want := range map[Fault]struct {
		answer string
		heard  int32
	}{
		None:       {"yes hello", 1},
		Refuse:     {"", 0},
		LoseAnswer: {"", 1},
		Fail:       {` {"kind":"Status","apiVersion":"v1","status":"Failure","message":"made to fail","reason":"InternalError","code":500}`, 0},
		Conflict:   {` {"kind":"Status","apiVersion":"v1","status":"Failure","message":"made to fail","reason":"Conflict","code":409}`, 0},
	} {
		t.Run(string(fault), func(t *testing.T) {
			b := start(t)
			b.breakAll(fault)
			answer, err := b.put(t.Context())
			if answer != want.answer || (err == nil) != (want.answer != "") {
				t.Errorf("the answer is %q, %v", answer, err)
			}
			if heard := b.heard.Load(); heard != want.heard {
				t.Errorf("the API server heard %d requests, want %d", heard, want.heard)
			}
		})
	}
}

func TestFaultsThatHold(t *testing.T) {
	for fault, heardBefore := range map[Fault]int32{Stall: 0, Withhold: 1} {
		for _, leaves := range []bool{false, true} {
			t.Run(string(fault)+map[bool]string{true: " of who leaves"}[leaves], func(t *testing.T) {
				b := start(t)
				b.breakAll(fault)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				type result struct {
					answer string
					err    error
				}
				ended := make(chan result, 1)
				go func() {
					answer, err := b.put(ctx)
					ended <- result{answer, err}
				}()
				b.waitForHeld(t, 1)
				if heard := b.heard.Load(); heard != heardBefore {
					t.Errorf("the API server heard %d requests before, want %d", heard, heardBefore)
				}
				if leaves {
					leave()
					b.waitForHeld(t, 0)
				}
				b.proxy.Break(nil)
				got, heardAfter := <-ended, int32(1)
				if leaves {
					heardAfter = heardBefore
				}
				if !leaves && (got.err != nil || got.answer != "yes hello") || leaves && got.err == nil {
					t.Errorf("the answer is %+v", got)
				}
				if heard := b.heard.Load(); heard != heardAfter {
					t.Errorf("the API server heard %d requests, want %d", heard, heardAfter)
				}
			})
		}
	}
}

func (b *backend) waitForHeld(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for b.proxy.Held() != want {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests are held, want %d", b.proxy.Held(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatIsSeenAndDone(t *testing.T) {
	b := start(t)
	update := Request{http.MethodPut, "partnerinvites/status"}
	for _, fault := range []Fault{None, Refuse, LoseAnswer} {
		b.breakAll(fault)
		_, _ = b.put(t.Context()) // TestFaultsAtOnce looks at the answers
	}
	b.proxy.Break(nil)
	if _, err := b.put(t.Context(), "Conflict"); err != nil {
		t.Fatal(err)
	}
	if seen := b.proxy.Seen()[update]; seen != 4 {
		t.Errorf("saw %d of 4 requests", seen)
	}
	if done := b.proxy.Done("acme")[update]; done != 2 {
		t.Errorf("%d of 2 were carried out", done)
	}
	if done := b.proxy.Done("other"); len(done) != 0 {
		t.Errorf("in another namespace: %v", done)
	}
	b.proxy.Forget()
	if seen := b.proxy.Seen(); len(seen) != 0 {
		t.Errorf("not forgotten: %v", seen)
	}
}
