package brandbook

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// slow is an API server that takes a second for each answer, which is how often it was asked.
type slow struct {
	client.Reader
	mutex sync.Mutex
	asked int
	err   error
}

func (s *slow) Get(ctx context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	s.mutex.Lock()
	s.asked++
	object.SetResourceVersion(strconv.Itoa(s.asked))
	s.mutex.Unlock()
	select {
	case <-time.After(time.Second):
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

var key = client.ObjectKey{Namespace: "acme", Name: "partner-brand"}

// Who asks while somebody else is answered must not get that answer, which may be older than their question.
func TestAVersionIsReadAfterItWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, v := &slow{}, &versions{}
		var all sync.WaitGroup
		ask := func(want string) {
			all.Go(func() {
				if got, err := v.of(t.Context(), server, key); got != want || err != nil {
					t.Errorf("the version is %q, %v, want %q", got, err, want)
				}
			})
			synctest.Wait()
		}
		ask("1")
		time.Sleep(500 * time.Millisecond)
		for range 50 {
			ask("2")
		}
		all.Wait()
		ask("3")
		all.Wait()
		if server.asked != 3 {
			t.Errorf("the API server was asked %d times by 52, want 3", server.asked)
		}
		synctest.Wait()
		v.mutex.Lock()
		defer v.mutex.Unlock()
		if len(v.asked) != 0 {
			t.Errorf("%d lines stay", len(v.asked))
		}
	})
}

// Who gives up does not keep the others from their answer.
func TestAVersionIsReadThoughTheFirstGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, v := &slow{}, &versions{}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := v.of(ctx, server, key); !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if got, err := v.of(t.Context(), server, key); got != "2" || err != nil {
				t.Errorf("the version is %q, %v", got, err)
			}
		})
		synctest.Wait()
		cancel()
		all.Wait()
	})
}

func TestAnErrorIsOfItsOwnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, v := &slow{err: errors.New("away")}, &versions{}
		if _, err := v.of(t.Context(), server, key); err == nil {
			t.Error("there is no error")
		}
		server.err = nil
		if got, err := v.of(t.Context(), server, key); got != "2" || err != nil {
			t.Errorf("the version is %q, %v", got, err)
		}
	})
}
