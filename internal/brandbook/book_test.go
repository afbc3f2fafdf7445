package brandbook

import (
	"context"
	"errors"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
)

// apiServer counts what is read from it, and can be away.
type apiServer struct {
	client.Reader
	mutex sync.Mutex
	reads int
	away  bool
}

func (a *apiServer) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	a.mutex.Lock()
	a.reads++
	away := a.away
	a.mutex.Unlock()
	if away {
		return errors.New("the API server is away")
	}
	return a.Reader.Get(ctx, key, object, options...)
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name}, Data: data}
}

// open is a book over a cache, and an API server that may be ahead of it.
func open(cached, live client.Client) (*Book, *apiServer) {
	server := &apiServer{Reader: live}
	return &Book{Cache: cached, Live: server, Default: brand.Default(&netmail.Address{Name: "Operator", Address: "no-reply@operator.example"})}, server
}

func cluster(objects ...client.Object) client.Client {
	return fake.NewClientBuilder().WithObjects(objects...).Build()
}

func (b *Book) mustName(t *testing.T) string {
	t.Helper()
	found, err := b.Brand(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return found.DisplayName
}

func TestABrandIsReadOnceForEachChange(t *testing.T) {
	c := cluster()
	book, server := open(c, c)
	if got := book.mustName(t); got != "Operator" || server.reads != 0 {
		t.Errorf("without a brand the name is %q after %d reads", got, server.reads)
	}
	ours := configMap(brand.ConfigMapName, map[string]string{"displayName": "Acme"})
	if err := c.Create(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := book.mustName(t); got != "Acme" || server.reads != 1 {
			t.Errorf("the name is %q after %d reads", got, server.reads)
		}
	}
	ours.Data["displayName"] = "Acme & Sons"
	if err := c.Update(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	server.away = true
	if got := book.mustName(t); got != "Acme" {
		t.Errorf("while the API server is away the name is %q", got)
	}
	server.away = false
	if got := book.mustName(t); got != "Acme & Sons" {
		t.Errorf("after a change the name is %q", got)
	}
	if err := c.Delete(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	if got := book.mustName(t); got != "Operator" {
		t.Errorf("without the brand the name is %q", got)
	}
}

func TestABrandThatTheCacheHasNotSeenIsConfirmed(t *testing.T) {
	cached, live := cluster(), cluster(configMap(brand.ConfigMapName, map[string]string{"displayName": "Acme"}))
	book, _ := open(cached, live)
	if got := book.mustName(t); got != "Operator" {
		t.Fatalf("the name is %q", got)
	}
	if same, err := book.Confirm(t.Context(), "acme"); same || err != nil {
		t.Errorf("a brand that is not known is confirmed: %v, %v", same, err)
	}
	for range 2 {
		if got := book.mustName(t); got != "Acme" {
			t.Errorf("after that the name is %q", got)
		}
		if same, err := book.Confirm(t.Context(), "acme"); !same || err != nil {
			t.Errorf("the brand is not confirmed: %v, %v", same, err)
		}
	}
	empty, _ := open(cluster(), cluster())
	if same, err := empty.Confirm(t.Context(), "acme"); !same || err != nil {
		t.Errorf("that there is no brand is not confirmed: %v, %v", same, err)
	}
}

func TestATemplate(t *testing.T) {
	c := cluster(configMap("broken", map[string]string{"text": "{{.Nobody}}"}), configMap("good", map[string]string{"text": "{{.Link}} leads on"}))
	book, server := open(c, c)
	for name, want := range map[string]string{"missing": v1alpha1.ReasonTemplateNotFound, "broken": v1alpha1.ReasonTemplateInvalid, "good": ""} {
		for range 2 {
			template, wrong, err := book.Template(t.Context(), "acme", name, v1alpha1.MailInvite)
			switch {
			case err != nil:
				t.Fatal(err)
			case want == "" && (template == nil || wrong != nil):
				t.Errorf("%s: %v, %v", name, template, wrong)
			case want != "" && (template != nil || wrong == nil || wrong.Reason != want || !strings.Contains(wrong.Message, name)):
				t.Errorf("%s: %v, %v, want %s", name, template, wrong, want)
			}
		}
	}
	if server.reads != 2 {
		t.Errorf("%d reads for two templates", server.reads)
	}
	if _, wrong, _ := book.Template(t.Context(), "acme", "good", v1alpha1.MailRevoked); wrong != nil {
		t.Errorf("for a mail without a link: %v", wrong)
	}
}

// People on the internet name namespaces. Those without a brand must not fill the memory.
func TestOnlyWhatMattersIsKept(t *testing.T) {
	c := cluster()
	book, _ := open(c, c)
	for _, namespace := range []string{"a", "b", "c"} {
		if _, err := book.Brand(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
	}
	if len(book.pages) != 0 {
		t.Errorf("%d pages are kept", len(book.pages))
	}
	if _, _, err := book.Template(t.Context(), "acme", "later", v1alpha1.MailInvite); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{brand.ConfigMapName: true, "later": true, "anything-else": false} {
		if got := book.Matters(configMap(name, nil)); got != want {
			t.Errorf("%s matters: %v", name, got)
		}
	}
}
