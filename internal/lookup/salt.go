package lookup

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// ErrNoNameSalt is that the operator has not yet written the salt of a program that names are made with.
var ErrNoNameSalt = errors.New("the program has no status.nameSalt yet, which the operator writes")

// saltWait is how long a request waits for the salts of programs that were created a moment ago.
const saltWait = 2 * time.Second

// AwaitNameSalts waits a little until the cache knows the salts of programs. It is no error if they do not come: what needs
// them says so.
func AwaitNameSalts(ctx context.Context, cache client.Reader, namespace string, programs ...string) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, saltWait, true, func(ctx context.Context) (bool, error) {
		for _, name := range programs {
			p := &v1alpha1.Program{}
			if err := cache.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, p); client.IgnoreNotFound(err) != nil {
				return false, err
			} else if err == nil && p.Status.NameSalt == "" {
				return false, nil
			}
		}
		return true, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return nil
	}
	return err
}
