package mint

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/token"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Whoever comes first makes the key, and all have the same.
func TestTheFirstKeyIsMadeOnce(t *testing.T) {
	cluster := fake.NewClientBuilder().Build()
	empty, err := keyring.Open(t.Context(), cluster, "system")
	if err != nil || empty.Current() != nil {
		t.Fatalf("before there are keys: %v, %v", empty.Current(), err)
	}
	var wait sync.WaitGroup
	marks := make([]string, 8)
	for i := range marks {
		wait.Go(func() {
			keys, err := Load(t.Context(), cluster, "system", now)
			if err != nil {
				t.Error(err)
				return
			}
			<-keys.Known()
			marks[i] = keys.Current().Marks("program", "ada@example.com")[0] + keys.Marker().Mark("program", "ada@example.com")
		})
	}
	wait.Wait()
	for _, mark := range marks {
		if mark != marks[0] {
			t.Errorf("the keys differ: %q and %q", mark, marks[0])
		}
	}
	var secret corev1.Secret
	if err := cluster.Get(t.Context(), client.ObjectKey{Namespace: "system", Name: keyring.SecretName}, &secret); err != nil || len(secret.Data) != 1 {
		t.Errorf("the Secret holds %d keys: %v", len(secret.Data), err)
	}
}

// What an earlier version marked with a signing key is recognized for good, also once that key is retired.
func TestMarksOutliveTheSigningKeys(t *testing.T) {
	signing := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: keyring.SecretName},
		Data:       map[string][]byte{token.KeyName(now): token.NewKey(), token.KeyName(now.Add(time.Hour)): token.NewKey()},
	}
	cluster := fake.NewClientBuilder().WithObjects(signing).Build()
	keys, err := Load(t.Context(), cluster, "system", now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	before := keys.Current().Marks("program", "ada@example.com")
	newest := keys.Marker().Mark("program", "ada@example.com")
	if slices.Contains(before, newest) {
		t.Error("new marks are made with a signing key")
	}
	signing.Data = map[string][]byte{token.KeyName(now.Add(2 * time.Hour)): token.NewKey()}
	if err := cluster.Update(t.Context(), signing); err != nil {
		t.Fatal(err)
	}
	if keys, err = Load(t.Context(), cluster, "system", now.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	after := keys.Marker().Marks("program", "ADA@example.com")
	if len(after) != 3 || after[0] != newest || !slices.Contains(after, before[0]) || !slices.Contains(after, before[1]) {
		t.Errorf("marks of before %q, new %q, recognized %q", before, newest, after)
	}
	var marks corev1.Secret
	if err := cluster.Get(t.Context(), client.ObjectKey{Namespace: "system", Name: keyring.MarksSecretName}, &marks); err != nil {
		t.Fatal(err)
	}
	if signs, err := token.NewKeyring(marks.Data); err != nil || signs.Holds(keys.Current().NewestKeyID()) {
		t.Errorf("the keys for marks sign: %v", err)
	}
}

func TestWhatIsWrongWithTheKeysIsSaid(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	deny := interceptor.Funcs{Create: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
		return apierrors.NewForbidden(secrets, o.GetName(), nil)
	}}
	broken := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: keyring.SecretName}, Data: map[string][]byte{token.KeyName(now): []byte("short")},
	}
	for name, test := range map[string]struct {
		cluster client.Client
		says    []string
	}{
		"it may not be made":  {fake.NewClientBuilder().WithInterceptorFuncs(deny).Build(), []string{"making the keys", "system/" + keyring.SecretName, "forbidden"}},
		"it cannot be used":   {fake.NewClientBuilder().WithObjects(broken).Build(), []string{"the keys", "system/" + keyring.SecretName}},
		"nor can it be found": {fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return nil }}).Build(), []string{"no signing keys in Secret system/" + keyring.SecretName}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(t.Context(), test.cluster, "system", now)
			if err == nil {
				t.Fatal("it is no error")
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}
