package keyring

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/internal/token"
)

func secret(name string, keys ...[]byte) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: name}, Data: map[string][]byte{}}
	for i, key := range keys {
		s.Data[token.KeyName(time.Date(2026, 11, 20, 12, i, 0, 0, time.UTC))] = key
	}
	return s
}

// Who may not make the keys learns of them when somebody else did.
func TestKeysThatComeLater(t *testing.T) {
	keys, err := Open(t.Context(), fake.NewClientBuilder().Build(), "system")
	if err != nil {
		t.Fatal(err)
	}
	if missing := keys.Missing(); missing == nil || !strings.Contains(missing.Error(), "no signing keys in Secret system/"+SecretName) {
		t.Errorf("without keys: %v", missing)
	}
	informers := &informertest.FakeInformers{}
	if err := keys.Follow(t.Context(), informers); err != nil {
		t.Fatal(err)
	}
	changes, err := informers.FakeInformerFor(t.Context(), &corev1.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	known := func() bool {
		select {
		case <-keys.Known():
			return true
		default:
			return false
		}
	}
	for what, nothing := range map[string]*corev1.Secret{
		"another Secret": secret("partner-operator-smtp", token.NewKey()), "no key": secret(SecretName), "a short key": secret(SecretName, []byte("short")),
	} {
		if changes.Add(nothing); keys.Current() != nil || known() {
			t.Errorf("%s counts as the keys", what)
		}
	}
	changes.Add(secret(SecretName, token.NewKey()))
	first := keys.Current()
	if missing := keys.Missing(); first == nil || known() || missing == nil || !strings.Contains(missing.Error(), MarksSecretName) {
		t.Fatalf("with signing keys alone: %v", missing)
	}
	changes.Add(secret(MarksSecretName, token.NewKey()))
	if keys.Marker() == nil || !known() || keys.Missing() != nil {
		t.Fatal("the keys are not taken over")
	}
	changes.Update(secret(SecretName), secret(SecretName, []byte("short")))
	if keys.Current() != first {
		t.Error("keys that cannot be used replace those that can")
	}
	changes.Update(secret(SecretName), secret(SecretName, token.NewKey(), token.NewKey()))
	if keys.Current() == first {
		t.Error("new keys are not taken over")
	}
	changes.Delete(secret(SecretName))
	if keys.Current() == nil {
		t.Error("keys that are gone are forgotten")
	}
}

// Whatever was signed or marked with a key can follow it, and only when there is something to follow.
func TestChangedKeysAreTold(t *testing.T) {
	signing, marking := token.NewKey(), token.NewKey()
	keys, err := Open(t.Context(), fake.NewClientBuilder().WithObjects(secret(SecretName, signing), secret(MarksSecretName, marking)).Build(), "system")
	if err != nil {
		t.Fatal(err)
	}
	informers := &informertest.FakeInformers{}
	if err := keys.Follow(t.Context(), informers); err != nil {
		t.Fatal(err)
	}
	changes, err := informers.FakeInformerFor(t.Context(), &corev1.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{}, 10)
	keys.OnChange(SecretName, func() { told <- struct{}{} })
	marksTold := make(chan struct{}, 10)
	keys.OnChange(MarksSecretName, func() { marksTold <- struct{}{} })
	changes.Add(secret(SecretName, signing)) // what the cache begins with
	changes.Add(secret(MarksSecretName, marking))
	changes.Update(secret(SecretName), secret(SecretName, []byte("short")))
	changes.Update(secret(SecretName), secret(SecretName, signing, token.NewKey()))
	<-told
	changes.Update(secret(SecretName), secret(SecretName, token.NewKey()))
	<-told
	changes.Update(secret(MarksSecretName), secret(MarksSecretName, marking, token.NewKey()))
	<-marksTold
	if len(told) > 0 || len(marksTold) > 0 {
		t.Error("it is told of keys that did not change")
	}
}
