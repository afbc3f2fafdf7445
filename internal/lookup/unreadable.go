package lookup

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// KeepUnreadable makes a client refuse to write objects some of whose fields could not be read: a write of the whole object
// would remove from the cluster what Go cannot hold.
func KeepUnreadable(of client.Client) client.Client { return keeping{of} }

type keeping struct{ client.Client }

// Update writes an object that could be read.
func (k keeping) Update(ctx context.Context, o client.Object, options ...client.UpdateOption) error {
	if err := readable(o); err != nil {
		return err
	}
	return k.Client.Update(ctx, o, options...)
}

// Status writes the status of objects that could be read.
func (k keeping) Status() client.SubResourceWriter { return keepingStatus{k.Client.Status()} }

type keepingStatus struct{ client.SubResourceWriter }

// Update writes the status of an object that could be read.
func (k keepingStatus) Update(ctx context.Context, o client.Object, options ...client.SubResourceUpdateOption) error {
	if err := readable(o); err != nil {
		return err
	}
	return k.SubResourceWriter.Update(ctx, o, options...)
}

func readable(o client.Object) error {
	decoded, ok := o.(interface{ Problem() string })
	if !ok || decoded.Problem() == "" {
		return nil
	}
	return fmt.Errorf("%T %s/%s is not written: %s", o, o.GetNamespace(), o.GetName(), decoded.Problem())
}
